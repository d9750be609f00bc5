"""What is a person's though no state gave it: labels in many languages, checksums of payment and chains; figures pass."""

import pytest

from guardrails.scope import Engine
from guardrails.scope.findings import TOLD_AT
from guardrails.scope.personal import checksums
from guardrails.scope.views import as_letters


def kinds(engine: Engine, text: str) -> set[str]:
    return {one.entity for one in engine.scan(text)}


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("Puhelin: 040 123 4598", "phone"),
        ("携帯電話：090-1234-5698", "phone"),
        ("Téléphone portable : 06 12 34 98 76", "phone"),
        ("Fecha de nacimiento: 19/07/1984", "birth-date"),
        ("geboren am 19. Juli 1984 in Ulm", "birth-date"),
        ('"customerName": "Tomasz Nowakowski"', "name"),
        ("Sehr geehrte Frau Kowalska, wir", "name"),
        ("Kind regards,\nTomasz Nowakowski\n", "name"),
        ("Kontonummer: 4839201175", "account"),
        ("Kennzeichen: M-AK 8432", "vehicle"),
        ("lives at 14 Orchard Road", "address"),
        ("Lindenstraße 14, 10969 Berlin", "address"),
        ("gps: 52.520012, 13.404901", "coordinates"),
        ("anna (at) firma-nord (dot) pl", "email"),
        ("ssh akowalska@build01", "username"),
        ("at annas-macbook-pro.local", "host"),
    ],
)
def test_person_is_found_in_any_language(engine: Engine, text: str, entity: str) -> None:
    assert entity in kinds(engine, text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Номер телефона: 0301 234598", "0301 234598"),
        ("номер_телефона: 0301 234598", "0301 234598"),
        ("НОМЕР ТЕЛЕФОНА: 0301 234598", "0301 234598"),
        ("τηλεφωνο: 0301 234598", "0301 234598"),  # without the mark that the list has
        ("「姓：王芳", "王芳"),
    ],
)
def test_label_of_another_script_is_found_in_each_spelling(engine: Engine, text: str, found: str) -> None:
    assert found in {text[one.start : one.end] for one in engine.scan(text)}


def test_letters_that_are_the_bytes_of_a_label_in_another_script_are_none(engine: Engine) -> None:
    label = "电话"
    look_alike = as_letters(label).decode("latin-1")
    assert kinds(engine, f"{label}: 0301 234598") == {"phone"}
    assert not kinds(engine, f"{look_alike}: 0301 234598")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("INSERT INTO people (id, given_name, surname) VALUES (7, 'Tomasz', 'Nowakowski');", {"Tomasz", "Nowakowski"}),
        ("| id | Kontonummer | state |\n|---:|---|---|\n| 9 | 4839201175 | active |\n", {"4839201175"}),
        ("nr;Telefon;Betrag\n79;0301 234598;354,00\n80;0301 234601;12,00\n", {"0301 234598", "0301 234601"}),
        ('"row","note","Tel"\n"23","ok","0301234598"\n', {"0301234598"}),
        ("could you confirm your phone?\n[10:31] customer: sure, it's 0301 234598\n", {"0301 234598"}),
        ('the user enters "4839201175" as Account number', {"4839201175"}),
        ("<tr><th>Account number</th><td>4839201175</td></tr>", {"4839201175"}),
        ('let accountNumber: String = "4839201175"', {"4839201175"}),
        ("BEGIN:VCARD\nVERSION:3.0\nN:Nowakowski;Tomasz;;;\n", {"Nowakowski;Tomasz"}),
    ],
)
def test_person_is_found_away_from_the_label(engine: Engine, text: str, found: set[str]) -> None:
    assert {text[one.start : one.end] for one in engine.scan(text)} == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("17,Aronas Vsiliauskas,44051401458,Brno,5\n", {"Aronas Vsiliauskas", "44051401458"}),
        ("INSERT INTO p VALUES (3,'anna@firma-nord.pl','44051401458',1);", {"anna@firma-nord.pl", "44051401458"}),
        ("97\tLuca Vermeil\tluca@firma-nord.pl\n", {"Luca Vermeil", "luca@firma-nord.pl"}),
        ("Patient Tomasz Nowakowski was discharged", {"Tomasz Nowakowski"}),
        ("the lease was signed by Tomasz Nowakowski", {"Tomasz Nowakowski"}),
        ("Asiakas Heli Heinonen soitti", {"Heli Heinonen"}),
        ("Klient Vello Kohv, +372 5153 7593, helistas", {"Vello Kohv", "+372 5153 7593"}),
        ("Клієнт Георгій Іщенко просить", {"Георгій Іщенко"}),
        ("signed by Tomasz Nowakowski and Lisa Mullins", {"Tomasz Nowakowski", "Lisa Mullins"}),
        ("my neighbour Ottmarina Zorbach has a key", {"Ottmarina Zorbach"}),
        ("name: Vaysal Akın\n  dob: 1992-03-01\n", {"Vaysal Akın", "1992-03-01"}),
        ("松田 拓真様より", {"松田 拓真様"}),
    ],
)
def test_name_and_number_beside_one_another_are_a_person(engine: Engine, text: str, found: set[str]) -> None:
    told = engine.scan(text, least=TOLD_AT)
    assert all(any(one in text[each.start : each.end] for each in told) for one in found)
    assert len(told) == len(found)


@pytest.mark.parametrize(
    ("text", "entity", "found"),
    [
        ("Rechnung an:\nLorenz Ackerl\nMilan-Widhalm-Platz 5, 4832 Mank\n", "name", "Lorenz Ackerl"),
        (
            "Rechnung an:\nLorenz Ackerl\nMilan-Widhalm-Platz 5, 4832 Mank\n",
            "address",
            "Milan-Widhalm-Platz 5, 4832 Mank",
        ),
        ("he lives at Golubovac 6b/5, 01513 Daruvar, and", "address", "Golubovac 6b/5, 01513 Daruvar"),
        ("driver last seen 48.858370, 2.294481", "coordinates", "48.858370, 2.294481"),
        ("GET /api/v2/persons/44051401458/documents", "id", "44051401458"),
        ("お電話は+81 90-1224-8807へ", "phone", "+81 90-1224-8807"),
        ("the car WVWZZZ1JZXW000001 was towed", "vehicle", "WVWZZZ1JZXW000001"),
        ("Subject: x\nTo: Bernadett Vsili\n", "name", "Bernadett Vsili"),
    ],
)
def test_person_is_found_by_where_it_stands(engine: Engine, text: str, entity: str, found: str) -> None:
    told = [one for one in engine.scan(text) if one.entity == entity and one.confidence >= TOLD_AT]
    assert [text[one.start : one.end] for one in told] == [found]


@pytest.mark.parametrize(
    "word",
    [
        "=?UTF-8?B?U3ZhdG9wbHVrIE1hxI3DoWs=?=",
        "=?utf-8?q?Svatopluk_Ma=C4=8D=C3=A1k?=",
        "=?ISO-8859-2?Q?Svatopluk?= =?iso-8859-2?q?_Ma=E8=E1k?=",
    ],
)
def test_name_in_a_mail_header_is_read_in_any_charset(engine: Engine, word: str) -> None:
    (found,) = engine.scan(f"Subject: hi\nTo: {word} <list@example.org>\n")
    assert (found.entity, found.decoded_from) == ("name", "mail-words")


@pytest.mark.parametrize("word", ["=?rot13?Q?Nnaa?=", "=?utf-8?B?/w==?=", "=?utf-8?B?a?=", "=?utf-8?Q?=FF?="])
def test_mail_header_that_says_nothing_is_no_finding(engine: Engine, word: str) -> None:
    assert engine.scan(f"To: {word}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "Spring Boot, 44051401458, ok",
        "Nomor Induk,44051401458,Brno",
        "thanks to Tomasz Nowakowski for the patch",
        "by Tomasz Nowakowski, 9780143127741, 2nd ed.",
        "Tomasz Nowakowski,1700000000\n",
        "Fifth Floor, Boston, MA  02110-1301",
        "Free Software Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA",
        "Greg Parker wrote the port, Helena Shih and others",
        "see Table 5, 10117 Rows, and March 5, 2024 Release",
        "converged at 0.858370, 0.294481",
        '("בן חמו", 0.0009408994),',
        "Клиент (ИНН обязателен)",
        "int X509_CRL_get0_by_serial(X509_CRL *crl, X509_REVOKED **ret)",
        "const MAIN_CONTRACT = '0x99c8c8bec42dbab85ed01541c63855dd9de57eeb'",
        "10.246.117.208 - - [23/Feb/2025:10:11:12 +0000] 'GET / HTTP/1.1' 200",
    ],
)
def test_authors_and_what_everybody_has_are_guesses_at_most(engine: Engine, text: str) -> None:
    assert not [one for one in engine.scan(text) if one.confidence >= TOLD_AT]


@pytest.mark.parametrize(
    "text",
    [
        "| Name | Value |\n|---|---|\n| state | Plan |\n| account | 17 |\n",
        "id,phone,account,surname\n1,17,23,int\n2,18,24,int\n",
        "INSERT INTO plans (id, account, phone) VALUES (1, 17, NULL);",
        "what of the phone?\n[10:31] it is 17 years old\n",
        "step,call,cell,loss\n100,1735689600,0.123456,2.25\n",
        "item 0012345678905 and 000123456789",
    ],
)
def test_tables_of_figures_and_fields_pass(engine: Engine, text: str) -> None:
    assert engine.scan(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "first_name: String, last_name: Optional[str], phone = models.CharField(max_length=15)",
        '"firstName": "Vorname", "lastName": "Nachname"',
        "author: The Team\nowner: Platform Team\nname: Build Wheels",
        "camera.position.set(6.0189, 5.3225, 7.2686)",
        "39016525 39016529 and 64429500 64429508",
        "birthday: 1970-01-01",
        "call +44 20 7946 0958 or 415-555-0123",
        "pan: 4242424242424242",
    ],
)
def test_code_about_people_and_numbers_of_manuals_pass(engine: Engine, text: str) -> None:
    assert engine.scan(text) == []


@pytest.mark.parametrize(
    ("check", "right"),
    [
        (checksums.bech32, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        (checksums.cash_address, "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"),
        (checksums.ss58, "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"),
        (checksums.stellar, "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ"),
        (lambda text: checksums.base58check(text) is not None, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    ],
)
def test_published_address_passes_its_check_and_its_neighbour_does_not(check, right: str) -> None:  # type: ignore[no-untyped-def]
    assert check(right)
    other = "2" if right[5] != "2" else "3"
    assert not check(right[:5] + other + right[6:])
