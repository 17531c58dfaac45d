from tests.docs.storage_operations import PAGE, PARTS, SINCE, operations_tables, with_tables


def test_the_tables_of_operations_are_those_of_the_routes() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert with_tables(page) == page, "python -m tests.docs.storage_operations writes them"


def test_every_note_is_about_an_operation_of_azure() -> None:
    tables = operations_tables()

    assert [name for name in PARTS if f"| `{name}` |" not in tables] == []
    assert [name for name in SINCE if f"| {name} " not in tables.replace("`", "")] == []
