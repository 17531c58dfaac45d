from tests.docs.azureml_operations import _PARTS, PAGE, operations_table, with_table


def test_the_table_of_operations_is_that_of_the_routes() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert with_table(page) == page, "python -m tests.docs.azureml_operations writes it"


def test_everything_that_is_served_in_part_is_served() -> None:
    assert sum(operations_table().count(note) > 0 for note in _PARTS.values()) == len(_PARTS)
