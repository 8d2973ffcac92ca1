"""Is the ledger still protected? What `extracts doctor` asks of the database, as the application."""

from __future__ import annotations

from sqlalchemy import text

from extracts.record.transaction import Reading

_QUESTIONS = {
    "The application is a superuser: it could change the ledger.": """
        SELECT 1 FROM pg_roles WHERE rolname = current_user AND rolsuper""",
    "The application owns the ledger, or may act as its owner: it could switch its protection off.": """
        SELECT 1 FROM pg_class WHERE oid = 'ledger.event'::regclass
           AND pg_has_role(current_user, relowner, 'MEMBER')""",
    "The application may change, delete or empty the ledger.": """
        SELECT 1 WHERE has_table_privilege('ledger.event', 'UPDATE') OR has_table_privilege('ledger.event', 'DELETE')
                    OR has_table_privilege('ledger.event', 'TRUNCATE')
                    OR has_any_column_privilege('ledger.event', 'UPDATE')""",
    "The application may delete from the register.": """
        SELECT 1 FROM pg_class WHERE relnamespace = 'register'::regnamespace AND relkind = 'r'
           AND (has_table_privilege(oid, 'DELETE') OR has_table_privilege(oid, 'TRUNCATE')) LIMIT 1""",
    "Somebody can log in as the ledger's owner.": """
        SELECT 1 FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
         WHERE c.oid = 'ledger.event'::regclass AND r.rolcanlogin""",
    "A trigger that protects the ledger is switched off or gone.": """
        SELECT 1 WHERE (SELECT count(*) FROM pg_trigger WHERE tgrelid = 'ledger.event'::regclass AND tgenabled = 'A'
                           AND tgname IN ('check_link', 'refuse_change')) <> 2""",
}


def protection_problems(reading: Reading) -> tuple[str, ...]:
    """What weakens the ledger's protection; empty if nothing does."""
    return tuple(problem for problem, query in _QUESTIONS.items() if reading.session.scalar(text(query)))
