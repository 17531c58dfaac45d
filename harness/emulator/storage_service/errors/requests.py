"""Errors in requests: addresses, headers, parameters, bodies and conditions.

Source: Microsoft's "Common REST API error codes".
"""

from harness.emulator.storage_service.errors.refusal import Refusal, RefusalOf, StorageError


def invalid_name(text: str = "The specified resource name contains invalid characters.") -> StorageError:
    """A share, directory or file cannot have this name."""
    return StorageError(400, "InvalidResourceName", text)


# The address is malformed.
invalid_uri = Refusal(400, "InvalidUri", "The requested URI does not represent any resource on the server.")
# A header has a value that is not allowed.
invalid_header = RefusalOf(
    400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format: {}."
)
# A header that the operation needs is absent.
missing_header = RefusalOf(
    400, "MissingRequiredHeader", "An HTTP header that's mandatory for this request is not specified: {}."
)
# A header asks for a feature that the emulator does not have.
unsupported_header = RefusalOf(
    400, "UnsupportedHeader", "One of the HTTP headers specified in the request is not supported: {}."
)
# A body has no length.
missing_length = Refusal(411, "MissingContentLengthHeader", "Content-Length HTTP header was not specified.")
# A query parameter has a value that is not allowed.
invalid_query = RefusalOf(
    400,
    "InvalidQueryParameterValue",
    "Value for one of the query parameters specified in the request URI is invalid: {}.",
)
# A query parameter asks for a feature that the emulator does not have.
unsupported_query = RefusalOf(
    400,
    "UnsupportedQueryParameter",
    "One of the query parameters specified in the request URI is not supported: {}.",
)
# A query parameter is out of range.
out_of_range_query = RefusalOf(
    400,
    "OutOfRangeQueryParameterValue",
    "One of the query parameters specified in the request URI is outside the permissible range: {}.",
)
# A query parameter that the operation needs is absent.
missing_query = RefusalOf(
    400, "MissingRequiredQueryParameter", "A query parameter that's mandatory for this request is not specified: {}."
)
# A name of metadata is not an identifier.
invalid_metadata = Refusal(
    400, "InvalidMetadata", "The metadata specified is invalid. It has characters that are not permitted."
)
# A piece of metadata has no name.
empty_metadata_key = Refusal(400, "EmptyMetadataKey", "The key for one of the metadata key-value pairs is empty.")
# The metadata is larger than 8 KiB.
metadata_too_large = Refusal(
    400, "MetadataTooLarge", "The size of the specified metadata exceeds the maximum size permitted."
)
# The body is not the XML that the operation needs.
invalid_document = Refusal(400, "InvalidXmlDocument", "XML specified is not syntactically valid.")
# An element of the body has a value that is not allowed.
invalid_node = RefusalOf(
    400, "InvalidXmlNodeValue", "The value for one of the XML nodes is not in the correct format: {}."
)


def invalid_input(text: str = "One of the request inputs is not valid.") -> StorageError:
    """Something in the request is not allowed."""
    return StorageError(400, "InvalidInput", text)


# The MD5 is not 16 bytes in base64.
invalid_md5 = Refusal(
    400,
    "InvalidMd5",
    "The MD5 value specified in the request is invalid. MD5 value must be 128 bits and base64-encoded.",
)
# The MD5 of the body differs from the stated one.
md5_mismatch = Refusal(
    400,
    "Md5Mismatch",
    "The MD5 value specified in the request did not match with the MD5 value calculated by the server.",
)
# The CRC-64 of the body differs from the stated one.
crc64_mismatch = Refusal(
    400,
    "Crc64Mismatch",
    "The CRC64 value specified in the request did not match with the CRC64 value calculated by the server.",
)
# The body is not a structured message; the value describes its fault.
invalid_structured_body = RefusalOf(400, "InvalidInput", "The structured message in the request body is not valid: {}.")


def invalid_range(length: int | None = None) -> StorageError:
    """The range lies outside the file, which has ``length`` bytes."""
    text = "The range specified is invalid for the current size of the resource."
    headers = () if length is None else (("content-range", f"bytes */{length}"),)
    return StorageError(416, "InvalidRange", text, headers=headers)


# The body is longer than the operation allows.
too_large = RefusalOf(
    413, "RequestBodyTooLarge", "The request body is too large and exceeds the maximum permissible limit of {} bytes."
)
timed_out = Refusal(408, "RequestTimeout", "The request body was not received in time.")
# The address has no such operation.
unsupported = Refusal(405, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb.")
# Azure has the operation, but the emulator does not.
not_served = RefusalOf(501, "NotImplemented", "The emulator does not serve {}.")
# A conditional header does not hold.
condition_not_met = Refusal(
    412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met."
)
# A conditional header of a read does not hold.
not_modified = Refusal(304, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")
