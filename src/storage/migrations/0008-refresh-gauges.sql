-- What a scrape of metrics counts, so that it costs what is unwell and not what there is.

-- Grants that fail or are over; one that is well enters no index here. The soonest end of those that fail comes first.
create index oauth_grant_unwell on oauth_grant (state, expires_at) where state in ('degraded', 'needs_reauth');

-- Refresh tokens whose end is known.
create index oauth_grant_refresh_end on oauth_grant (refresh_expires_at)
  where refresh_expires_at is not null and state in ('active', 'degraded');

-- How many apps are refused, and since when; nothing else of them.
create index auth_client_broken on auth_client (broken_since) where broken_since is not null;
create policy schedule_breaker on auth_client for select to latchkey_scheduler using (broken_since is not null);
grant select (broken_since) on auth_client to latchkey_scheduler;
