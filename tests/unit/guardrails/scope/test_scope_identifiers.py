"""What is a person's, and what is only a number: statistics pass, documentation passes, people do not."""

import pytest

from guardrails.scope import Engine


def kinds(engine: Engine, text: str) -> set[str]:
    return {one.entity for one in engine.scan(text)}


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("ask jörg.müller@firma-nord.de", "email"),
        ("ring +49 30 901820 or", "phone"),
        ("+33 6 12 34 56 78", "phone"),
        ("phone: 415-773-2671", "phone"),
        ("visa 4087720405608655", "card"),
        ("paid with 5105 0951 4547 5276", "card"),
        ("amex 3782 562241 54999", "card"),
        ("DE57 5001 0517 9458 0730 21", "iban"),
        ("ssh 85.214.132.117", "ip"),
        ("bind to 10.20.30.40", "ip"),
        ("gateway 10.0.0.1", "ip"),
        ("85.214.132.117:8080", "ip"),
        ("seen at 185.199.108.153 twice", "ip"),
        ("2a02:8108:8ac0:2e50:1234:5678:9abc:def0", "ip"),
        ("fe80::1ff:fe23:4567:890a", "ip"),
        ("3c:22:fb:9a:4e:d1", "mac"),
        ("/home/jdoe/src", "path"),
        ("date of birth 1984-07-19", "birth-date"),
        ("social security number 412-22-1234", "id"),
    ],
)
def test_persons_datum_is_found(engine: Engine, text: str, entity: str) -> None:
    assert entity in kinds(engine, text)


@pytest.mark.parametrize(
    "text",
    [
        "1735689600 1735689600123 1735689600123456 1735689600123456789",
        "-0.000123 1.7e9 3.141592653589793 +35236450.6 1e-12 12345.678901234",
        "2026-01-02T03:04:05Z 2026-01-02 03:04:05.123456+00:00",
        "123e4567-e89b-12d3-a456-426614174000",
        "v1.2.3 1.2.3.4 2.10.4.1 version 85.214.132.117 0.18.3-rc.1+build.5",
        "127.0.0.1 ::1 0.0.0.0 192.0.2.1 198.51.100.7 203.0.113.9 2001:db8::1 255.255.255.0 224.0.0.1 169.254.1.1 8.8.8.8",
        "10.0.0.0/8 192.168.0.0/16 fd00::/8 2001:4860:4860::8888",
        "OBJECT IDENTIFIER 1.3.101.112 and 2.5.4.16",
        "M4.01 0 0111 18c0 2.12 3.51.98.32 2.03",
        "someone@example.com a@b.test root@localhost git@github.com:team/repo.git pkg@1.2.3 weights@inputs.shape",
        "y = W@x.to(device)",
        "4111 1111 1111 1112 4242424242424242 9999 9999 9999 9995 4444444444444448",
        "DE00370400440532013000 AB12CDEF3456GHIJ",
        "00:00:00:00:00:00 ff:ff:ff:ff:ff:ff 01:02:03:04:05:06 aa:bb:cc:dd:ee:ff:00:11 12:34:56 1:1:1:1:1:1:1:1",
        "16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48",
        "/home/user/x /Users/runner/work /home/$USER /home/u/x /home/123",
        "call +1 (201) 555-0123",
        "+35236450.6",
        "phone: +0 000 000 000",
        "host 999.1.1.1 and 010.1.1.1",
        "3" + "z" * 34,
        "10.0.0.1",
        "\n+4915112345678\n",
        "wow 412 22 1234 and 123456789",
        "face::cafe std::vector a::b ab:cd:ef",
        "position 0.5, 0.25 lat: 95.12345, 193.40495",
    ],
)
def test_what_is_only_a_number_passes(engine: Engine, text: str) -> None:
    assert engine.scan(text) == []


@pytest.mark.parametrize("text", ["hotel 030 901820", "ssnap 412 22 1234", "business 412 22 1234"])
def test_label_inside_another_word_is_no_label(engine: Engine, text: str) -> None:
    assert engine.scan(text) == []
