-- Rates and breakers per provider and app, and finding what is due without walking through one provider's backlog.

drop table provider_bucket;

-- One per token endpoint and app, see refresh/provider-gauge.ts, which alone reads and makes the text. The columns beside it
-- are for whoever looks from outside.
create table provider_gauge (
  provider_key text primary key,
  gauge jsonb not null,
  state text not null generated always as (gauge ->> 'state') stored,
  incident_at text generated always as (gauge ->> 'incidentAt') stored,
  updated_at timestamptz not null default clock_timestamp()
);
create index provider_gauge_trouble on provider_gauge (provider_key) where state <> 'closed' or incident_at is not null;
grant select, insert, update, delete on provider_gauge to latchkey_scheduler;
grant select on provider_gauge to latchkey_app;

-- The lanes of what is due: a provider's grants of one tenant.
create index oauth_grant_lane on oauth_grant (provider_key, tenant_id, refresh_due_at)
  where state in ('active', 'degraded') and refresh_due_at is not null and attempt_id is null;
grant select (provider_key) on oauth_grant to latchkey_scheduler;
