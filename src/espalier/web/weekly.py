"""Letters by choice on their way: their words, in their reader's language, and the one click that ends them.

Knows words, the post and the site's addresses; who gets a letter is collect/letters.py.
"""

from typing import Final

from itsdangerous import BadSignature, Signer

from espalier.collect import letters
from espalier.collect.letters import News
from espalier.store.charters import charter_in_force
from espalier.web.campaign import Campaign
from espalier.web.mail import Letter, send_or_note
from espalier.web.words import catalogue

SALT: Final = "espalier_unsubscribe"


def unsubscribe_address(campaign: Campaign, person_id: str) -> str:
    """For a letter to this person: a POST there ends such letters."""
    signed = Signer(campaign.signing_key, salt=SALT).sign(person_id).decode()
    return f"{campaign.entrance.address}/unsubscribe/{signed}"


def person_in(campaign: Campaign, signed: str) -> str | None:
    """Whose letters such an address ends; None where it is not whole."""
    try:
        return Signer(campaign.signing_key, salt=SALT).unsign(signed).decode()
    except BadSignature:
        return None


def send_due(campaign: Campaign) -> bool:
    """Send some of the letters that are due; whether there were any. Blocks."""
    post, now = campaign.entrance.post, campaign.clock()
    if post is None:
        return False
    with campaign.database.read() as db:
        if not letters.are_due(db, now):
            return False
        name = charter_in_force(db).name
    for news in campaign.door.call(letters.take_due, now):
        send_or_note(
            post, letter_with(news, name, campaign.entrance.address, unsubscribe_address(campaign, news.person_id))
        )
    return True


def letter_with(news: News, campaign_name: str, site: str, unsubscribe: str) -> Letter:
    lang = news.lang
    words = catalogue(lang)
    _, ngettext = words.gettext, words.ngettext
    lines = [
        ngettext("%(num)s point in seven days.", "%(num)s points in seven days.", news.points) % {"num": news.points}
    ]
    if news.accepted:
        told = ngettext("%(num)s text of yours was accepted.", "%(num)s texts of yours were accepted.", news.accepted)
        lines.append(told % {"num": news.accepted})
    if news.first:
        told = ngettext("%(num)s answer of yours came first.", "%(num)s answers of yours came first.", news.first)
        lines.append(told % {"num": news.first})
    if news.decisions:
        told = ngettext(
            "%(num)s decision concerns you and waits to be read.",
            "%(num)s decisions concern you and wait to be read.",
            news.decisions,
        )
        lines.append(told % {"num": news.decisions})
    more = _("All of it stands here:\n%(link)s") % {"link": f"{site}/me/contributions"}
    end = _("You get this letter once a week because you asked for it. This ends it:\n%(link)s") % {"link": unsubscribe}
    subject = _("%(campaign)s: what became of your work") % {"campaign": campaign_name}
    return Letter(news.address, subject, "\n\n".join(["\n".join(lines), more, end]), lang, unsubscribe)
