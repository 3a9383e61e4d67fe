-- How a client's tokens are kept, what their lifetimes turned out to be, and when refresh tokens die.

-- `eager` ahead of expiry; `when_used` ahead of expiry while used; `keep_alive` only so that the refresh token lives on.
alter table auth_client
  add column refresh_mode text not null default 'eager' check (refresh_mode in ('eager', 'when_used', 'keep_alive'));

-- How long tokens lived of which the provider does not say it, learned from tokens that were refused before their assumed
-- end. Per tenant: what one tenant's callers report must not move another's refreshes.
create table learned_lifetime (
  tenant_id uuid not null references tenant (id),
  provider_key text not null,
  seconds integer not null check (seconds >= 120),
  learned_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, provider_key)
);
alter table learned_lifetime enable row level security;
alter table learned_lifetime force row level security;
create policy tenant_rows on learned_lifetime to latchkey_app
  using (tenant_id = latchkey_tenant()) with check (tenant_id = latchkey_tenant());
grant select, insert, update, delete on learned_lifetime to latchkey_app;

-- When somebody is to be told that the refresh token is about to end: 7 days and 1 day ahead, once each. A column of the
-- scheduler, so that looking for it costs what is due, not what there is.
alter table oauth_grant add column refresh_warn_at timestamptz;
create index oauth_grant_warn on oauth_grant (refresh_warn_at) where refresh_warn_at is not null;
grant select (refresh_warn_at) on oauth_grant to latchkey_scheduler;

-- The next of the two that is still ahead; null when none is.
create function latchkey_next_warning(p_expires_at timestamptz) returns timestamptz
language sql volatile security invoker set search_path = public, pg_temp as $$
  select min(ahead.at) from (values (p_expires_at - interval '7 days'), (p_expires_at - interval '1 day')) ahead (at)
  where ahead.at > clock_timestamp()
$$;
revoke execute on function latchkey_next_warning(timestamptz) from public;
grant execute on function latchkey_next_warning(timestamptz) to latchkey_app;

-- Whoever stores another end of a refresh token has set its warnings, too. A token whose end stays as it was has been
-- warned of already.
create function latchkey_set_warning() returns trigger
language plpgsql security invoker set search_path = public, pg_temp as $$
begin
  new.refresh_warn_at := latchkey_next_warning(new.refresh_expires_at);
  return new;
end $$;
revoke execute on function latchkey_set_warning() from public;

create trigger set_warning before update of refresh_expires_at on oauth_grant
  for each row when (new.refresh_expires_at is distinct from old.refresh_expires_at)
  execute function latchkey_set_warning();
