"""What the settings promise: the environment over the file over the defaults, and sentences instead of traces."""

import os
from pathlib import Path

import pytest

from espalier.chat import parameters
from espalier.chat.models import SUPPORTED
from espalier.cli.chat_models import models_of
from espalier.config import FIELDS, SUPPORTABLE, InForce, InvalidSettings, in_force, read_settings
from espalier.domain.policy import PARAMETERS


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("ESPALIER_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def write(text: str) -> None:
    Path("espalier.toml").write_text(text, "utf-8")


def refusal() -> str:
    with pytest.raises(InvalidSettings) as refused:
        read_settings()
    return refused.value.detail


def shown(name: str) -> InForce:
    return next(row for row in in_force(read_settings()) if row.name == name)


def test_without_file_and_variables_the_defaults_hold() -> None:
    settings = read_settings()
    assert settings.database_url == "sqlite:///var/espalier.db"
    assert settings.address == "http://127.0.0.1:8000"
    assert settings.policy.base.goal_tree_size == PARAMETERS["goal_tree_size"].default


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    write('port = 9000\nhost = "0.0.0.0"\n')
    monkeypatch.setenv("ESPALIER_PORT", "9001")
    settings = read_settings()
    assert (settings.port, settings.host, settings.log_level) == (9001, "0.0.0.0", "info")
    assert [shown(name).source for name in ("port", "host", "log_level")] == [
        "ESPALIER_PORT", "espalier.toml", "default",
    ]  # fmt: skip


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPALIER_PORT", "")
    assert read_settings().port == 8000
    assert shown("port").source == "default"


def test_the_database_lies_in_the_data_folder() -> None:
    write('data_dir = "/srv/trees"')
    assert read_settings().database_url == "sqlite:////srv/trees/espalier.db"


def test_the_file_holds_a_policy_and_what_differs_by_language() -> None:
    write('[policy]\ngoal_tree_size = 9\nrate_tasks = "none"\n[policy.langs.de]\ngoal_tree_size = 6\n')
    policy = read_settings().policy
    assert policy.base.goal_tree_size == 9
    assert policy.for_lang("de").goal_tree_size == 6
    assert policy.base.rate_tasks is None
    assert shown("policy.goal_tree_size") == InForce(
        "policy.goal_tree_size", "9", "espalier.toml", PARAMETERS["goal_tree_size"].says
    )
    assert shown("policy.langs.de.goal_tree_size").value == "6"


def test_a_profile_is_named_as_the_source_of_what_it_changes() -> None:
    write('[policy]\nprofile = "paper"\nmax_tree_depth = 4\n')
    assert shown("policy.goal_tree_size").source == "espalier.toml, profile paper"
    assert shown("policy.max_tree_depth").source == "espalier.toml"
    assert shown("policy.undo_seconds").source == "default"


def test_a_policy_in_the_environment_goes_before_single_values_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write("[policy]\ngoal_tree_size = 9\nundo_seconds = 30\n")
    monkeypatch.setenv("ESPALIER_POLICY", '{"goal_tree_size": 7}')
    policy = read_settings().policy.base
    assert (policy.goal_tree_size, policy.undo_seconds) == (7, 30)
    assert shown("policy.goal_tree_size").source == "ESPALIER_POLICY"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("prot = 1", "espalier.toml: prot is no setting; did you mean port?"),
        (
            "goal_tree_size = 9",
            "espalier.toml: goal_tree_size is no setting; it is a parameter of the policy, so it belongs under "
            "[policy].",
        ),
        ("port = 'many'", "espalier.toml: port is 'many', but must be a whole number from 1 to 65,535."),
        ("port = 0", "espalier.toml: port is '0', but must be a whole number from 1 to 65,535."),
        ("log_level = 'loud'", "espalier.toml: log_level is 'loud', but must be debug, info, warning or error."),
        (
            "[policy]\ngoal_tre_size = 9",
            "espalier.toml: policy.goal_tre_size is no parameter; did you mean goal_tree_size?",
        ),
        (
            "[policy.langs.de]\nundo_seconds = -1",
            "espalier.toml: policy.langs.de.undo_seconds is -1, but must be a whole number from 0 to 3,600.",
        ),
        (
            "[policy.langs.de]\nrate_tasks = '1/1'",
            "espalier.toml: policy.langs.de.rate_tasks holds for the whole campaign and cannot differ by language.",
        ),
        (
            "policy = 3",
            "espalier.toml: policy is '3', but must be a table of parameters: [policy] in the file, "
            "a JSON object in the environment.",
        ),
    ],
)  # fmt: skip
def test_a_fault_in_the_file_is_a_sentence_with_its_place_and_what_would_be_right(text: str, sentence: str) -> None:
    write(text)
    assert refusal() == sentence


def test_all_faults_are_named_at_once() -> None:
    write(
        'prot = 1\nport = 0\nlog_format = "xml"\n[policy]\nmax_tree_depth = 0\ngoal_tree_size = 40\ngoal_tre_size = 9\n'
        "[policy.langs.de]\nundo_seconds = -1\nrate_tasks = '1/1'\n"
    )
    assert refusal().splitlines() == [
        "espalier.toml: prot is no setting; did you mean port?",
        "espalier.toml: port is '0', but must be a whole number from 1 to 65,535.",
        "espalier.toml: log_format is 'xml', but must be text or json.",
        "espalier.toml: policy.goal_tre_size is no parameter; did you mean goal_tree_size?",
        f"espalier.toml: policy.max_tree_depth is 0, but must be {PARAMETERS['max_tree_depth'].kind.wants}.",
        "espalier.toml: policy.langs.de.rate_tasks holds for the whole campaign and cannot differ by language.",
        "espalier.toml: policy.langs.de.undo_seconds is -1, but must be a whole number from 0 to 3,600.",
    ]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ESPALIER_PORT", "many", "ESPALIER_PORT is 'many', but must be a whole number from 1 to 65,535."),
        ("ESPALIER_PROT", "1", "ESPALIER_PROT is no setting; did you mean ESPALIER_PORT?"),
        ("ESPALIER_DATABSE_URL", "x", "ESPALIER_DATABSE_URL is no setting; did you mean ESPALIER_DATABASE_URL?"),
        (
            "ESPALIER_POLICY", "{", "ESPALIER_POLICY is no JSON, but must be a table of parameters: [policy] in the "
            "file, a JSON object in the environment.",
        ),
        (
            "ESPALIER_DATABASE_URL", "mysql://ann:secret@db/trees",
            "ESPALIER_DATABASE_URL is 'mysql://ann:***@db/trees', but must be an address such as "
            "sqlite:///var/espalier.db or postgresql://user:password@host/name.",
        ),
    ],
)  # fmt: skip
def test_a_fault_in_a_variable_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    assert refusal() == sentence


def test_other_programs_may_have_variables_with_our_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPALIER_DATA", "/srv/published")
    monkeypatch.setenv("ESPALIER_SERVICE_HOST", "10.0.0.1")
    assert read_settings().port == 8000


def test_a_file_that_is_no_toml_is_refused_with_the_place() -> None:
    write("host = '::'\nport = \n")
    assert refusal().startswith("espalier.toml is not valid TOML: ")
    assert "line 2" in refusal()


def test_a_file_that_is_no_text_is_refused() -> None:
    Path("espalier.toml").write_bytes(b"\xff\xfe")
    assert refusal() == "espalier.toml is not a text in UTF-8."


def test_passwords_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPALIER_DATABASE_URL", "postgresql://ann:p@ss/w@db:5432/trees?sslpassword=hush&a=b")
    assert shown("database_url").value == "postgresql://ann:***@db:5432/trees?sslpassword=***&a=b"


def test_presets_of_the_chat_are_shown_with_their_values() -> None:
    write("[chat_presets.Cautious]\ntemperature = 0.3\ntop_p = 0.9\n[chat_presets.Bold]\ntemperature = 1\n")
    assert shown("chat_presets").value == "Cautious (temperature 0.3, top_p 0.9), Bold (temperature 1)"


def test_every_setting_has_a_sentence_and_says_what_is_right() -> None:
    for name, field in FIELDS.items():
        assert (field.description or "").endswith("."), name
        assert isinstance(field.json_schema_extra, dict), name
        assert field.json_schema_extra["wants"], name


def test_everything_in_force_is_listed_once() -> None:
    names = [row.name for row in in_force(read_settings())]
    assert names == [*(name for name in FIELDS if name != "policy"), *(f"policy.{name}" for name in PARAMETERS)]


def test_mail_and_providers_are_set_and_their_secrets_never_shown() -> None:
    write(
        'mail_host = "mail.example.org"\nmail_from = "Garden <trees@example.org>"\nmail_password = "hush"\n'
        '[providers.google]\nclient_id = "one"\nclient_secret = "whisper"\n'
        '[providers.garden]\nclient_id = "two"\nclient_secret = "whisper"\nissuer = "https://id.example.org"\n'
    )
    settings = read_settings()
    assert settings.providers["garden"]["issuer"] == "https://id.example.org"
    assert shown("mail_password").value == "***"
    assert shown("providers").value == "google, garden"


@pytest.mark.parametrize(
    "table", ["", 'client_id = "one"', 'client_id = "one"\nclient_secret = "x"', 'client_id = "one"\nsecret = "x"']
)
def test_a_provider_without_what_it_needs_is_refused_and_no_secret_shown(table: str) -> None:
    write(f"[providers.garden]\n{table or 'client_secret = 7'}\n")
    said = refusal()
    assert said.startswith("espalier.toml: providers is '***', but must be a table for each")


def test_a_mail_server_needs_an_address_to_write_from() -> None:
    write('mail_host = "mail.example.org"')
    assert refusal() == (
        "There is a mail_host, so mail_from must be an address such as trees@example.org."
    )  # fmt: skip


def test_a_variable_that_is_no_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPALIER_PROVIDERS", "{")
    assert refusal().startswith("ESPALIER_PROVIDERS is no JSON")


@pytest.mark.parametrize(
    ("given", "local"),
    [
        ("", True),
        ('host = "localhost"', True),
        ('host = "::1"', True),
        ('host = "0.0.0.0"', False),
        ('public_url = "https://trees.example.org"', False),
    ],
)
def test_only_a_server_that_nobody_else_reaches_is_local(given: str, local: bool) -> None:
    write(given)
    assert read_settings().is_local is local


def test_an_address_of_ipv6_stands_in_brackets() -> None:
    write('host = "::1"\nport = 9000')
    assert read_settings().address == "http://[::1]:9000"


def test_the_best_of_several_replies_needs_somebody_who_finds_it() -> None:
    write('[models.small]\nurl = "http://127.0.0.1:8001"\nbest_of = 4\n')
    assert "chat_rewards must be" in refusal()
    write('chat_rewards = "http://127.0.0.1:8001"\n[models.small]\nurl = "http://127.0.0.1:8001"\nbest_of = 99\n')
    assert "best_of (1 to 16" in refusal()
    write('[models.small]\nurl = "http://127.0.0.1:8001"\ncontext = "long"\n')
    assert "context (tokens" in refusal()
    write('[models.small]\nurl = "http://127.0.0.1:8001"\nsupports = ["temperature", "warmth"]\n')
    assert "supports (a list" in refusal()


def test_a_models_server_is_asked_for_the_parameters_that_it_takes() -> None:
    assert set(SUPPORTABLE) == set(parameters.PARAMETERS)
    url = 'url = "http://127.0.0.1:8001"'
    write(f'[models.small]\n{url}\nsupports = ["top_k", "seed"]\n[models.other]\n{url}\n')
    small, other = models_of(read_settings())
    assert small.supports == {"top_k", "seed"}
    assert other.supports == SUPPORTED
