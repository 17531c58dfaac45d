"""The addresses of the cloud, which a client reads before it signs in."""

from typing import Any

import pytest
import requests

URL = "https://management.azure.com/metadata/endpoints"


def read_endpoints(session: requests.Session, version: str) -> Any:
    response = session.get(URL, params={"api-version": version})
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("version", ["2019-05-01", "2022-09-01"])
def test_anybody_may_read_where_the_clouds_services_are(session: requests.Session, version: str) -> None:
    document = read_endpoints(session, version)

    cloud = document[0] if version == "2019-05-01" else document
    assert cloud["name"] == "AzureCloud"
    assert cloud["resourceManager"] == "https://management.azure.com/"
    assert cloud["authentication"]["loginEndpoint"] == "https://login.microsoftonline.com/"
    assert cloud["suffixes"]["storage"] == "core.windows.net"


def test_clients_of_before_2019_get_the_form_that_they_know(session: requests.Session) -> None:
    assert (
        read_endpoints(session, "2015-01-01")["authentication"]["loginEndpoint"] == "https://login.microsoftonline.com/"
    )


def test_no_more_than_that_is_open_to_everybody(session: requests.Session) -> None:
    assert session.get(URL).json()["error"]["code"] == "MissingApiVersionParameter"
    for method, url in (("POST", URL), ("GET", f"{URL}/more")):
        assert session.request(method, url, params={"api-version": "2019-05-01"}).status_code == 401
