"""A ceiling for what one request may bring. Django reads any amount; the web server in front is not always there."""

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, SkipFile

LARGEST_BODY = 26_000_000  # bytes: two files of the largest kind with the rest of a form
TOO_LARGE = "portal.too_large"  # set in request.META when files were left unread


class CappedUpload(FileUploadHandler):
    """Stands before the handlers that keep files: the files of a request that is too large are read and dropped."""

    too_large = False

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],  # noqa: N803
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> None:
        self.too_large = content_length > LARGEST_BODY
        if self.too_large:
            META[TOO_LARGE] = True

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.too_large:
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """The handlers after this one keep the file."""
