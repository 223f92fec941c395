"""Every setting of the service, read from ``TRIAGE_*`` environment variables."""

import ipaddress
from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_ANY = {"0.0.0.0", "::"}  # noqa: S104 - recognised, not bound


class Settings(BaseSettings):
    """Sizes are bytes, durations seconds. Relative paths start at the working directory."""

    model_config = SettingsConfigDict(env_prefix="TRIAGE_", extra="ignore", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65_535)
    data_dir: Path = Path("data")
    models_dir: Path = Path("models")
    config_dir: Path = Path("config")
    database_url_file: Path | None = None
    database_url: SecretStr | None = Field(None, validate_default=True)
    bootstrap_token: SecretStr | None = None
    bootstrap_token_file: Path | None = None
    encoder_workers: int | None = Field(None, ge=1)
    pool_size: int = Field(8, ge=2)
    store_timeout: float = Field(3.0, gt=0, description="How long a request waits for a database connection")
    max_body: int = Field(1024 * 1024, ge=1024, description="Largest request body, except for batches")
    max_batch_body: int = Field(32 * 1024 * 1024, ge=1024)
    body_timeout: float = Field(30.0, gt=0, description="How long a request body may take to arrive")
    spool_max_bytes: int = Field(1024**3, ge=0)
    refresh_every: float = Field(1.0, gt=0, description="How often the active pointers and tokens are read")
    public_url: str | None = Field(None, description="Under which people reach the service, for links in messages")
    review_sample: float = Field(
        0.02, ge=0, le=0.2, description="Share of incidents drawn for review whatever anybody thinks of them"
    )
    session_idle: float = Field(12 * 3600.0, gt=0, description="Unused for so long, a session of the console ends")
    session_lasts: float = Field(7 * 86_400.0, gt=0, description="Used or not, it ends so long after signing in")
    log_level: str = "INFO"

    @field_validator("database_url", mode="before")
    @classmethod
    def _read_database_url(cls, value: object, info: ValidationInfo) -> object:
        """The address holds a password, so containers get it as a file."""
        file = info.data.get("database_url_file")
        if value is not None or file is None:
            return value
        try:
            return file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f"TRIAGE_DATABASE_URL_FILE cannot be read: {error.strerror}") from None

    @property
    def reached_at(self) -> str:
        """The address that links in messages begin with."""
        return self.public_url or f"http://{'127.0.0.1' if self.host in _ANY else self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address the service binds to."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def read_bootstrap_token(self) -> str | None:
        """The token that containers are started with. Raises OSError when its file cannot be read."""
        if self.bootstrap_token is not None:
            return self.bootstrap_token.get_secret_value().strip() or None
        if self.bootstrap_token_file is not None:
            return self.bootstrap_token_file.read_text(encoding="utf-8").strip() or None
        return None
