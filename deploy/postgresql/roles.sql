-- The database and who may do what in it. Run once as PostgreSQL's superuser; may be run again:
--     psql -v ON_ERROR_STOP=1 -v database=henkham -f roles.sql
-- Roles have no password until install.sh (or you, by \password) gives them one.
--
--     henkham_owner      owns the schema; only migrations work as it
--     henkham_web        pages and API
--     henkham_scheduler  timed work
--     henkham_report     reads figures: no name, no number, no text of an SMS
--
-- What each may do with which table: booking/migrations/grants.sql, applied by `henkham migrate --grant`.

\if :{?database} \else \set database henkham \endif

SELECT format('CREATE ROLE %I LOGIN', role)
FROM unnest(ARRAY['henkham_owner', 'henkham_web', 'henkham_scheduler', 'henkham_report']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec

SELECT format('CREATE DATABASE %I OWNER henkham_owner ENCODING ''UTF8'' TEMPLATE template0', :'database')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec

REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO henkham_owner, henkham_web, henkham_scheduler, henkham_report;

-- A statement that takes longer has gone wrong; a transaction that does nothing holds places that others want.
ALTER ROLE henkham_web SET statement_timeout = '15s';
ALTER ROLE henkham_web SET idle_in_transaction_session_timeout = '15s';
ALTER ROLE henkham_scheduler SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE henkham_report SET default_transaction_read_only = on;
ALTER ROLE henkham_report SET statement_timeout = '5min';

-- /metrics says whether a synchronous standby is there: more of the server's statistics than one's own are read for it.
GRANT pg_read_all_stats TO henkham_web;

\connect :"database"
ALTER SCHEMA public OWNER TO henkham_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
