"""What is said of signing in and of the first visit, so that translators find it: the sentences of refusals.

Knows sentences; knows no page.
"""

from typing import Final

from espalier.domain.errors import Refusal
from espalier.web.visit import Visit
from espalier.web.words import N_

SENTENCES: Final = (
    N_("A name does not begin with a space."),
    N_("A name has 1 to 100 characters."),
    N_("A name is one line of text."),
    N_("A password goes with an e-mail address; add that first."),
    N_("A password has 10 to 200 characters."),
    N_("Choose at least one language."),
    N_("Sign in first with the account to which the address shall belong."),
    N_("The password goes with the e-mail address; remove the password first."),
    N_("There is no account for this yet, and new people come here by invitation."),
    N_("There is no such way to sign in on your account."),
    N_("There were too many tries in a short time."),
    N_("This account has been disabled."),
    N_("This belongs to another account here. Sign in with it, or choose another one."),
    N_("This belongs to another account than yours."),
    N_("This code does not hold any more. Ask for a new one."),
    N_("This is no e-mail address."),
    N_("This is no token in force that may change things."),
    N_("This is not the code."),
    N_("This is the last way to sign in; add another one first."),
    N_("This is too easy to guess; several words are good."),
    N_("This link was used already, or is older than a quarter of an hour."),
    N_("This session has ended already."),
    N_("Your account there was not confirmed. Try again, or sign in another way."),
)


def said(visit: Visit, refused: Refusal) -> str:
    """A refusal in the reader's language."""
    return visit.words.gettext(refused.detail)
