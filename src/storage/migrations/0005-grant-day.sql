-- What `why` tells of a grant's past: how often it was refreshed each day, and what was done to it. One row a day and
-- grant, not one a refresh: a million grants refresh thirty million times a day, and nobody reads them one by one.
create table grant_day (
  tenant_id uuid not null,
  credential_id uuid not null,
  -- UTC, by the database's clock.
  day date not null,
  refreshed integer not null default 0,
  failed integer not null default 0,
  taken_over integer not null default 0,
  last_refreshed_at timestamptz,
  last_failed_at timestamptz,
  last_taken_over_at timestamptz,
  primary key (tenant_id, credential_id, day),
  foreign key (tenant_id, credential_id) references oauth_grant (tenant_id, credential_id) on delete cascade
) with (fillfactor = 80);
-- Rows come in the order of their days and go in it: a few pages of summary find the old ones.
create index grant_day_age on grant_day using brin (day) with (pages_per_range = 16);

alter table grant_day enable row level security;
alter table grant_day force row level security;
create policy tenant_rows on grant_day to latchkey_app
  using (tenant_id = latchkey_tenant()) with check (tenant_id = latchkey_tenant());
grant select, insert, update, delete on grant_day to latchkey_app;

-- The scheduler notes what it takes over from dead processes, and sweeps what is old.
create policy schedule_day on grant_day to latchkey_scheduler using (true) with check (true);
grant select (tenant_id, credential_id, day, taken_over, last_taken_over_at) on grant_day to latchkey_scheduler;
grant insert (tenant_id, credential_id, day, taken_over, last_taken_over_at) on grant_day to latchkey_scheduler;
grant update (taken_over, last_taken_over_at) on grant_day to latchkey_scheduler;
grant delete on grant_day to latchkey_scheduler;

-- The trail of one thing, for its time line. Reads of tokens are by far the most events, and name no single object.
create index audit_event_object on audit_event (tenant_id, object_id, seq)
  where object_kind in ('credential', 'auth_client') and object_id is not null;
