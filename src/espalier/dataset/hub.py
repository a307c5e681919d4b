"""A release put where others find it: a data set on a hub of `huggingface_hub`, as one commit with a tag.

Whether the release is what it says is checked before, elsewhere; the hub and the token come from the environment.
"""

from pathlib import Path
from typing import Final

from espalier.dataset.stamp import MANIFEST, SUMS, read_stamp

DATA_SET: Final = "dataset"
HUBS_OWN: Final = frozenset({".gitattributes"})


class NeedsHub(RuntimeError):
    """The package that speaks with hubs is not there; the message says how to get it."""


class NotPublished(Exception):
    """The hub did not take it, and why."""


def publish(folder: Path, data_set: str, *, public: bool = False) -> str:
    """Make the data set hold this release and nothing else; returns its address there.

    data_set: as owner/name; made when it is not there, private unless public is said. The commit has the release's name
    as its tag. Raises NeedsHub, NotPublished, BadRelease.
    """
    try:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, errors, get_token
    except ImportError as missing:
        raise NeedsHub(
            'hubs are spoken with by huggingface_hub; install it with: pip install "espalier[hub]"'
        ) from missing
    stamp = read_stamp(folder)
    name, names = str(stamp.said["name"]), [*(each.path for each in stamp.files), MANIFEST, SUMS]
    if get_token() is None:
        raise NotPublished("There is no token for the hub; put one that may write into HF_TOKEN.")
    hub = HfApi(library_name="espalier")
    try:
        address = hub.create_repo(data_set, repo_type=DATA_SET, private=not public, exist_ok=True)
        if name in {tag.name for tag in hub.list_repo_refs(data_set, repo_type=DATA_SET).tags}:
            raise NotPublished(f"{data_set} has a release {name} already; what is published is never changed.")
        there = set(hub.list_repo_files(data_set, repo_type=DATA_SET))
        made = hub.create_commit(
            data_set,
            [
                *(CommitOperationAdd(each, folder / each) for each in names),
                *(CommitOperationDelete(each) for each in sorted(there - set(names) - HUBS_OWN)),
            ],
            commit_message=f"Release {name}",
            repo_type=DATA_SET,
        )
        hub.create_tag(data_set, tag=name, revision=made.oid, repo_type=DATA_SET)
    except errors.RepositoryNotFoundError as absent:
        raise NotPublished(f"The hub does not let this token write to {data_set}.") from absent
    except errors.HFValidationError as wrong:
        raise NotPublished(f"{data_set!r} is no data set's name; write it as owner/name.") from wrong
    except errors.HfHubHTTPError as refused:
        said = refused.server_message or f"it answered {refused.response.status_code}"
        raise NotPublished(f"The hub did not take the release: {said.rstrip('.')}.") from refused
    except (errors.HTTPError, OSError) as failed:  # type: ignore[attr-defined]  # of whichever library it speaks through
        raise NotPublished(f"The hub cannot be reached: {failed}.") from failed
    except (ValueError, TypeError, LookupError, AttributeError) as strange:  # what comes of an answer in another form
        raise NotPublished(f"{hub.endpoint} does not answer as a hub does; HF_ENDPOINT names it.") from strange
    return str(address)
