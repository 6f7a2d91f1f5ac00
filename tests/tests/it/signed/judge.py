"""Judges the mails of a folder: their signatures, their headers, whether both parts say the same, whether they look like spam.

Takes the folder (*.eml, and records.json with what the DNS would say) and prints a list of what was found, one entry a mail.
"""

import email
import email.policy
import html
import json
import pathlib
import re
import subprocess
import sys

import dkim

folder = pathlib.Path(sys.argv[1])
records = {name.encode() + b".": text.encode() for name, text in json.loads((folder / "records.json").read_text())}
mails = [path.read_bytes() for path in sorted(folder.glob("*.eml"))]


def dns(name, timeout=5):
    return records.get(name)


def verifies(mail, index):
    try:
        return dkim.DKIM(mail).verify(idx=index, dnsfunc=dns)
    except dkim.DKIMException:
        return False


def words(text):
    return set(re.sub(r"[>|,.!?:;()„“”\"'=]", " ", text).split())


def visible(page):
    body = page.split("<body", 1)[1].split(">", 1)[1]
    shown = re.sub(r"<[^>]*>", " ", body)
    return html.unescape(shown)


def links(page):
    return set(re.findall(r'href="([^"]*)"', page))


def judge(mail):
    parsed = email.message_from_bytes(mail, policy=email.policy.default)
    text = parsed.get_body(("plain",)).get_content()
    page = parsed.get_body(("html",)).get_content()
    addresses = {word for word in text.split() if word.startswith("http")}
    shown = words(visible(page))
    said = words(" ".join(word for word in text.split() if not word.startswith("http"))) - {"--"}
    unlinked = {address for address in addresses if address not in html.unescape(page)}
    unsaid = {html.unescape(link) for link in links(page)} - addresses
    by_itself = {word for address in addresses for word in words(address)}
    return {
        "signatures": [verifies(mail, 0), verifies(mail, 1)],
        "tampered": [
            any(verifies(changed, index) for index in (0, 1))
            for changed in (
                mail.replace(b"\r\nSubject: ", b"\r\nSubject: Re: ", 1),
                mail.replace(b"\r\nX-Auto", b"\r\nReply-To: <evil@example.net>\r\nX-Auto", 1),
                b"From: <evil@example.net>\r\n" + mail,
                mail.replace(b"</html>", b"<b>more</b></html>", 1) if b"</html>" in mail else mail[:-20] + b"more\r\n",
            )
        ],
        "headers": sorted(name for name in parsed.keys() if name != "DKIM-Signature"),
        "only_in_text": sorted((said - shown) | unlinked),
        "only_in_html": sorted((shown - said - by_itself) | unsaid),
    }


def spam():
    """All mails in one go: starting the judge takes longer than judging."""
    box = b"".join(b"From us@shop.example Mon Mar 16 09:00:00 2026\n" + mail.replace(b"\r\n", b"\n") + b"\n\n" for mail in mails)
    done = subprocess.run(["spamassassin", "-L", "-t", "--mbox"], input=box, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    scores = re.findall(rb"^X-Spam-Status: \w+, score=(-?[0-9.]+) .*?tests=(\S*)", done.stdout, re.MULTILINE | re.DOTALL)
    assert len(scores) == len(mails), (len(scores), len(mails))
    return [(float(score), tests.decode()) for score, tests in scores]


print(json.dumps([{**judge(mail), "spam": score, "tests": tests} for mail, (score, tests) in zip(mails, spam())]))
