"""The settings of the mailbox to which people answer."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from services.notify.alerts.answer_addresses import LONGEST_NAME, AnswerAddresses
from services.notify.contacts.emails import is_email
from shared.settings import Settings
from shared.tls import tls_context

_SECRET_LENGTH = 32


class AnswersSettings(Settings):
    """The mailbox of answers, which is read by IMAP with TLS, and the secret by which links and answers prove whose
    they are. Without the mailbox's address mails have no Reply-To, and nothing is read.
    """

    link_secret: SecretStr | None = Field(
        default=None, description="The secret of the links by which people acknowledge, and of addresses for answers."
    )
    mail_answers_address: str | None = Field(
        default=None, description="The mailbox of answers, such as `traloi@langson.gov.vn`; it takes `traloi+…@` too."
    )
    mail_answers_host: str | None = Field(default=None, description="Its IMAP server.")
    mail_answers_port: int = Field(default=993, ge=1, le=65535, description="With TLS from the first byte.")
    mail_answers_username: str | None = Field(default=None, description="None: the address.")
    mail_answers_password: SecretStr | None = None
    mail_answers_ca_file: Path | None = Field(
        default=None, description="The authorities that vouch for the server, in PEM; None: those the machine trusts."
    )
    mail_answers_seconds: float = Field(default=20, gt=0, description="The pause between two looks into the mailbox.")

    @property
    def answer_addresses(self) -> AnswerAddresses | None:
        """The maker of addresses for answers; None: nobody reads answers."""
        if not self.mail_answers_address or not self.link_secret:
            return None
        return AnswerAddresses(self.link_secret, self.mail_answers_address)

    @model_validator(mode="after")
    def _secret_is_long(self) -> Self:
        if self.link_secret and len(self.link_secret.get_secret_value()) < _SECRET_LENGTH:
            raise ValueError(f"NTM_LINK_SECRET needs at least {_SECRET_LENGTH} characters")
        return self

    @model_validator(mode="after")
    def _mailbox_is_whole(self) -> Self:
        if self.mail_answers_address is None:
            return self
        name = self.mail_answers_address.partition("@")[0]
        if not is_email(self.mail_answers_address) or "+" in name or len(name) > LONGEST_NAME:
            raise ValueError(
                f"NTM_MAIL_ANSWERS_ADDRESS ({self.mail_answers_address}) needs an address without + and with at most "
                f"{LONGEST_NAME} characters before the @"
            )
        needed = {"link_secret", "mail_answers_host", "mail_answers_password"}
        if missing := sorted(f"NTM_{name.upper()}" for name in needed if not getattr(self, name)):
            raise ValueError(f"NTM_MAIL_ANSWERS_ADDRESS needs {', '.join(missing)} beside it")
        tls_context("NTM_MAIL_ANSWERS", self.mail_answers_ca_file, None, None)  # names a file that cannot be used
        return self
