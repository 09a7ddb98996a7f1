"""A ledger as it stands after years: studies every 158 seconds, of five years where there are a million of them.

Rows are made by the database itself, out of a list of numbers, with the indexes dropped and made anew. The newest
studies arrive, are read and delivered; of the rest 1 % are unmatched, 0.5 % need a person, a tenth has a draft that
waits, the others are signed. Nothing in it is of a person.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pydicom.uid import UID
from sqlalchemy import Connection, func, select, text

from service.adapters.ledger import SqlLedger, schema
from service.adapters.ledger.rows import identity_text
from service.domain.study import Identity, Patient

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
EVERY_S = 158
_US = 1_000_000
_LETTERS = "'abcdefghijklmnopqrstuvwxyz'"
_AT_ONCE = 50_000
"""Rows of one statement: a connection waits for one as long as a page may take."""
_OPEN = (5, 20, 60)
"""Of the newest studies: up to which one they are received, read, delivered."""


def fill(ledger: SqlLedger, studies: int) -> None:
    """Fill an empty ledger."""
    ledger.upgrade()
    indexes = [each for table in schema.metadata.sorted_tables for each in table.indexes]
    with ledger.database.write() as connection:
        if not ledger.database.is_sqlite:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        for each in indexes:
            each.drop(connection)
        connection.execute(text("CREATE TEMPORARY TABLE every_one (i BIGINT PRIMARY KEY, state TEXT, at BIGINT)"))
        _numbers(connection, studies)
        for statement in _ROWS:
            for low in range(1, studies + 1, _AT_ONCE):
                part = f"WITH n AS (SELECT * FROM every_one WHERE i BETWEEN {low} AND {low + _AT_ONCE - 1}) SELECT"
                connection.execute(text(statement.replace("SELECT", part, 1)))
        for each in indexes:
            each.create(connection)
        if not ledger.database.is_sqlite:
            connection.execute(text("ANALYZE"))
        assert connection.scalar(select(func.count()).select_from(schema.study)) == studies


def _numbers(connection: Connection, studies: int) -> None:
    received, read, delivered = (studies - each for each in _OPEN)
    newest = int((NOW - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * _US
    connection.execute(
        text(f"""
      INSERT INTO every_one (i, state, at)
      WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {studies})
      SELECT CAST(i AS BIGINT),
             CASE WHEN i > {received} THEN 'receiving' WHEN i > {read} THEN 'active'
                  WHEN i > {delivered} THEN 'delivering' WHEN i % 200 = 0 THEN 'attention'
                  WHEN i % 100 = 1 THEN 'unmatched' ELSE 'done' END,
             {newest} - CAST({studies} - i AS BIGINT) * {EVERY_S * _US}
      FROM c""")
    )


def _letter(factor: int) -> str:
    return f"substr({_LETTERS}, CAST((n.i * {factor} + n.i / 26) % 26 AS INTEGER) + 1, 1)"


_NAME = " || ".join(_letter(factor) for factor in (7919, 104729, 1299709, 15485863))
_ACCESSION = f"'a' || (26 - ((SELECT max(at) FROM every_one) - n.at) / {31_557_600 * _US}) || '-' || n.i"
_FACTS = identity_text(
    Identity(
        patient=Patient(patient_id="MRN", issuer="HOSP", name="Family^Given", birth_date="19580211", sex="F"),
        accession_number="A", study_date="20260304", study_time="091000", study_description="Chest PA",
    )
).replace("'", "''").replace(":", "\\:")  # fmt: skip
_LONG_AGO = f"(SELECT max(at) FROM every_one) - {4 * 31_557_600 * _US}"
_MODALITY = f"""CASE WHEN n.at < {_LONG_AGO} AND n.i % 5 = 0 THEN 'CR' WHEN n.i % 50000 = 7 THEN 'PX'
                     WHEN n.i % 20 = 3 THEN 'US' WHEN n.i % 5 = 1 THEN 'CT' ELSE 'DX' END"""
_WAITS = "CASE WHEN n.state = 'delivering' OR n.i % 200 = 0 OR (n.state = 'done' AND n.i % 10 = 2) THEN 1 ELSE 0 END"
_PRIORITY = "CASE WHEN n.i % 400 = 2 THEN 0 ELSE 2 END"
_JOB = """CASE WHEN n.state = 'active' THEN CASE WHEN n.i % 3 = 0 THEN 'IN PROGRESS' ELSE 'SCHEDULED' END
               WHEN n.i % 1000 = 0 THEN 'CANCELED' ELSE 'COMPLETED' END"""
_DELIVERY = """CASE WHEN n.state = 'delivering' THEN 'PENDING' WHEN n.state = 'attention' THEN 'REFUSED'
                    WHEN n.i % 3 = 0 THEN 'COMMITTED' ELSE 'SENT' END"""
_READ = "n.state NOT IN ('receiving', 'unmatched')"
_SENT = "n.state IN ('delivering', 'done', 'attention') AND n.i % 1000 <> 0"

_SHOWN = "n.i % 100 = 3"
"""Studies whose page can be asked for: the others have no instances, which no list looks at."""
_ROWS = (
    f"""INSERT INTO study (id, site, uid, source, identity_version, identity_digest, name_key, patient_key,
          accession_key, modalities, instances, images, manifests, received_first, received_last, opened_at,
          touched_at, state, waits)
        SELECT n.i, 'main', '1.2.826.0.1.3680043.10.1001.' || n.i, 'XR', 1, 'd', {_NAME}, 'mrn' || (n.i % 700000),
          {_ACCESSION}, {_MODALITY}, 2, 2, 1, n.at - {3 * _US}, n.at,
          CASE WHEN n.state = 'receiving' THEN n.at END, n.at, n.state,
          CASE WHEN {_WAITS} = 1 AND n.i % 1000 <> 0 THEN {_PRIORITY} END FROM n""",
    f"""INSERT INTO identity (id, site, study_id, version, digest, facts, source, at)
        SELECT n.i, 'main', n.i, 1, 'd', '{_FACTS}', 'XR', n.at FROM n""",
    f"""INSERT INTO series (id, site, study_id, uid, modality)
        SELECT n.i, 'main', n.i, '1.2.826.0.1.3680043.10.1001.' || n.i || '.1', {_MODALITY} FROM n""",
    f"""INSERT INTO instance (id, site, study_id, series_id, sop_class_uid, sop_instance_uid, transfer_syntax_uid,
          attributes, location, sha256, size, received_at)
        SELECT n.i, 'main', n.i, n.i, '1.2.840.10008.5.1.4.1.1.1.1', '2.27.' || n.i, '1.2.840.10008.1.2.1', '{{}}',
          'main\\:i', 'ab', 8400000, n.at FROM n WHERE {_SHOWN}""",
    f"""INSERT INTO manifest (id, site, study_id, version, digest, opened_at, created_at)
        SELECT n.i, 'main', n.i, 1, 'd', n.at, n.at + {2 * _US} FROM n WHERE n.state <> 'receiving'""",
    f"""INSERT INTO manifest_instance (manifest_id, instance_id, series_id, sop_class_uid, transfer_syntax_uid,
          attributes, location, sha256, size)
        SELECT n.i, n.i, n.i, '1.2.840.10008.5.1.4.1.1.1.1', '1.2.840.10008.1.2.1', '{{}}', 'main\\:i', 'ab', 8400000
        FROM n WHERE {_SHOWN}""",
    f"""INSERT INTO job (id, site, study_id, manifest_version, identity_version, protocol, rule, config_version, mode,
          priority, run_number, generation, state, next_due, attempt, created_at, started_at, finished_at, outcome)
        SELECT n.i, 'main', n.i, 1, 1, 'chest', 'chest', 1, 'live', {_PRIORITY}, 1, n.i, {_JOB},
          CASE WHEN n.state = 'active' THEN n.at END, 1, n.at + {2 * _US}, n.at + {3 * _US},
          CASE WHEN n.state <> 'active' THEN n.at + {9 * _US} END, CASE WHEN {_SENT} THEN 'analysed' ELSE '' END
        FROM n WHERE {_READ}""",
    f"INSERT INTO report (id, site, job_id, text) SELECT n.i, 'main', n.i, '{{}}' FROM n WHERE {_SENT}",
    f"""INSERT INTO object (id, site, study_id, job_id, role, sop_class_uid, sop_instance_uid, series_instance_uid,
          transfer_syntax_uid, instance_number, location, sha256, size, created_at)
        SELECT n.i, 'main', n.i, n.i, 'tid1500', '1.2.840.10008.5.1.4.1.1.88.33', '2.25.' || n.i, '2.26.' || n.i,
          '1.2.840.10008.1.2.1', 1, 'main:sr', 'cd', 14200, n.at + {9 * _US} FROM n WHERE {_SENT}""",
    f"""INSERT INTO delivery (id, site, study_id, job_id, object_id, lane, kind, destination, sop_class_uid,
          sop_instance_uid, transfer_syntax_uid, location, sha256, role, identity_version, priority, state, next_due,
          attempt, created_at, sent_at)
        SELECT n.i, 'main', n.i, n.i, n.i, 'deliver:PACS', 'result', 'PACS', '1.2.840.10008.5.1.4.1.1.88.33',
          '2.25.' || n.i, '1.2.840.10008.1.2.1', 'main:sr', 'cd', 'tid1500', 1, {_PRIORITY}, {_DELIVERY},
          CASE WHEN n.state = 'delivering' THEN n.at END, 1, n.at + {9 * _US},
          CASE WHEN n.state = 'done' THEN n.at + {10 * _US} END FROM n WHERE {_SENT}""",
    f"""INSERT INTO review (id, site, study_id, job_id, number, verdict, observer, organization, at, zone, text,
          statements)
        SELECT n.i, 'main', n.i, n.i, 1, 'signed', 'anna', 'Clinic', n.at, 0, 'Findings\\:', '[]'
        FROM n WHERE {_SENT} AND {_WAITS} = 0""",
    """INSERT INTO event (site, at, kind, text, study_id, job_id, delivery_id)
        SELECT 'main', n.at, 'received', '2 instances from XR\\: 2 new', n.i, '', '' FROM n
        UNION ALL SELECT 'main', n.at + 10000000, 'job', 'reading analysed', n.i, '', '' FROM n
        WHERE n.state NOT IN ('receiving', 'unmatched')""",
)


def study_uid(number: int) -> UID:
    return UID(f"1.2.826.0.1.3680043.10.1001.{number}")
