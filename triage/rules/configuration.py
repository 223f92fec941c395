"""A configuration: catalogue and rules, read together from a folder or from stored texts."""

from dataclasses import dataclass
from pathlib import Path

from triage.domain.catalogue import Catalogue
from triage.errors import ConfigurationError
from triage.rules.catalogue import load_catalogue
from triage.rules.chooser import RuleBook
from triage.rules.document import MAX_BYTES
from triage.rules.policy import load_policy

CATALOGUE_FILE = "catalogue.yaml"
POLICY_FILE = "escalation.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The texts are what the versions are taken from and what a replay reads again."""

    catalogue: Catalogue
    rulebook: RuleBook
    catalogue_text: str
    policy_text: str


def load_configuration(folder: Path) -> Configuration:
    """Raises ``ConfigurationError`` for a missing or faulty file."""
    return configuration_from_texts(_read(folder / CATALOGUE_FILE), _read(folder / POLICY_FILE))


def configuration_from_texts(catalogue_text: str, policy_text: str) -> Configuration:
    """Raises ``ConfigurationError``; faults name the files as they are called in a folder."""
    catalogue = load_catalogue(catalogue_text, CATALOGUE_FILE)
    return Configuration(
        catalogue=catalogue,
        rulebook=load_policy(policy_text, POLICY_FILE, catalogue),
        catalogue_text=catalogue_text,
        policy_text=policy_text,
    )


def _read(file: Path) -> str:
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise ConfigurationError(f"the file has {size} bytes, at most {MAX_BYTES} are read", str(file))
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"not UTF-8 at byte {error.start}", str(file)) from None
    except OSError as error:
        reason = (
            "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror or "unreadable"
        )
        raise ConfigurationError(reason, str(file)) from None
