from training.history.teams import KnownTeams, known_teams
from triage.domain.catalogue import Catalogue, Team

CATALOGUE = Catalogue(
    version="v1",
    organisation="Example",
    timezone="UTC",
    triage_desk="desk",
    teams={
        team.id: team
        for team in (
            Team(id="desk", name="Triage desk"),
            Team(id="platform", name="Platform"),
            Team(id="storage", name="Storage and backup", aliases=("SAN",), parent="platform"),
            Team(id="fax", name="Fax", parent="desk", active=False),
        )
    },
)


def test_a_team_is_known_by_every_word_the_catalogue_has_for_it():
    found = known_teams(CATALOGUE, ["Storage-and-Backup", "san", "Platform", "fax", "stranger"])
    assert found == KnownTeams(
        parents={"Storage-and-Backup": "Platform", "san": "Platform", "fax": "desk"},
        inactive=frozenset({"fax"}),
        active=frozenset({"Storage-and-Backup", "san", "Platform"}),
    )


def test_a_parent_that_the_history_never_names_goes_by_its_id():
    assert known_teams(CATALOGUE, ["storage"]).parents == {"storage": "platform"}
