"""What states, schools and employers know a person by: found under its label in any writing, and by its check digits."""

import pytest

from guardrails.scope import Engine
from guardrails.scope.identity import americas, asia_africa, europe, north_east
from guardrails.scope.identity.checksums import Check

CHECKS: dict[str, Check] = {**europe.CHECKS, **north_east.CHECKS, **americas.CHECKS, **asia_africa.CHECKS}
SSN = "412-22-" + "1834"


def found(engine: Engine, text: str) -> list[str]:
    return [text[one.start : one.end] for one in engine.scan(text)]


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("fr-nir", "255081416802538"),
        ("be-nrn", "85073003328"),
        ("br-cpf", "52998224725"),
        ("in-aadhaar", "234123412346"),
        ("ch-ahv", "7569217076985"),
        ("gb-nhs", "9434765919"),
        ("de-idnr", "86095742719"),
        ("es-dni", "12345678Z"),
        ("es-dni", "X1234567L"),
        ("it-cf", "RSSMRA85T10A562S"),
        ("cn-id", "11010519491231002X"),
        ("no-fnr", "01010750160"),
        ("se-pnr", "8112189876"),
        ("us-npi", "1234567893"),
        ("sg-nric", "S1234567D"),
        ("th-id", "1101700230708"),
        ("tr-tckn", "10000000146"),
    ],
)
def test_published_number_passes_its_check_and_its_neighbours_do_not(name: str, right: str) -> None:
    check = CHECKS[name]
    assert check(right)
    place = max(index for index, character in enumerate(right) if character.isdigit())
    for other in set("0123456789") - {right[place]}:
        assert not check(right[:place] + other + right[place + 1 :])


@pytest.mark.parametrize("number", ["000221234", "666221234", "912221234", "412001234", "412220000", "078051120"])
def test_social_security_number_that_was_never_issued_is_none(number: str) -> None:
    assert not americas.us_ssn(number)


def test_belgian_born_after_1999_counts_with_a_two() -> None:
    body = "001015123"
    assert europe.belgian_register(f"{body}{97 - int('2' + body) % 97:02d}")


@pytest.mark.parametrize(
    "text",
    [
        "SSN: {}",
        "{} (SSN)",
        "userSsn = '{}'",
        '"ssn":"{}"',
        "<ssn>{}</ssn>",
        "<th>SSN</th><td>{}</td>",
        "ssn\n{}",
        '"type": "ssn",\n"number": "{}"',
        "name,ssn,city\nBob,x,Ulm\nAnn,{},Bonn",
        "| name | SSN |\n|---|---|\n| Ann | {} |",
        "NAME      SSN\nAnn Lee   {}\n",
        "INSERT INTO t (id, ssn, n) VALUES (1, '{}', 3)",
        "INSERT INTO t (id, ssn)\nVALUES (1, 'it''s'),\n  (2, '{}');",
        "the social-security number of the applicant is {}, as she says",
        "Sozialversicherungsnr. (USA) {}",
    ],
)
def test_value_is_found_wherever_a_label_says_what_it_is(engine: Engine, text: str) -> None:
    assert SSN in found(engine, text.format(SSN))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Numéro de passeport : {}", "18FV34092"),
        ("NUMERO DE PASSEPORT {}", "18FV34092"),
        ("паспорт № {}", "4509 481620"),
        ("ПАСПОРТ: {}", "4509 481620"),
        ("客户护照号:{}", "E97811147"),
        ("مجواز السفر: {}", "A04816203"),
        ("my passport, issued in Bonn, is {} and lasts", "C01X00T47"),
        ("führerscheinnummer={}", "A72A3XV6821"),
        ("driversLicense: '{}'", "D4128062"),
        ("matricule_etudiant / numéro étudiant: {}", "21904482"),
    ],
)
def test_label_is_known_in_its_own_language_and_spelling(engine: Engine, text: str, value: str) -> None:
    assert found(engine, text.format(value)) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "passport_number: str = Field(max_length=20)",
        "ssn = None",
        "taxId: 0",
        "employee_id = 483920",
        "patient_id = 17",
        "student_id=20481 AND member_id=77",
        '"passport": "^0.6.0", "passport-jwt": "4.0.1"',
        "passport: 2024-01-02",
        "passport number: 123456789",
        "ssn: 1735689600.412221834",
        "national_id bigint NOT NULL -- 14 digits",
        "policy_id: 2012-10-17",
        "identity number 1, 2, 3, 4, 5, 6",
        "id_number: {}\nreference 600700812",
        "driver license v2.0.4 since 2019",
        "social security: 3 of 4812003 members",
        "hotelssn 412221834",
    ],
)
def test_code_and_counts_about_such_fields_are_clean(engine: Engine, text: str) -> None:
    assert found(engine, text) == []


def test_each_row_under_a_header_is_read_and_the_table_ends_with_it(engine: Engine) -> None:
    rows = [f"{index},412-22-{1834 + index}" for index in range(3)]
    text = "id,ssn\n" + "\n".join(rows) + "\n\n4,412 22 1999"
    assert found(engine, text) == [row.partition(",")[2] for row in rows]


@pytest.mark.parametrize("unit", ["ssn,", "ssn 1 ", "ssn,\n1,", "(ssn) values (1)", "passport\n", "a,b,ssn\nssn,\n"])
def test_labels_without_end_are_read_in_linear_time(engine: Engine, unit: str) -> None:
    assert found(engine, unit * 4_000) == []
