-- Which database this installation stands on, and who vouches for it. A copy of the rows brings the row along, but not
-- what it is compared with.
alter table cluster
  -- Rises with each take-over that an operator confirms: what was found out under another number counts no more.
  add column takeover_no bigint not null default 0,
  -- Why nothing is refreshed although the identity fits; only a take-over clears it.
  add column doubt text;

-- The take-over number under which a process knows this database to be the confirmed one; null while it does not.
alter table process add column vouches_for bigint;

-- A beating process remembers; an operator's take-over is written with its audit event, through the tenants' door.
grant update (identity, doubt) on cluster to latchkey_scheduler;
grant update (identity, doubt, takeover_no, takeover_confirmed_at) on cluster to latchkey_app;

-- What can be known of the database without a right of its own: managed servers refuse or lack some of these functions,
-- and then the part is null instead of an error.
create function latchkey_standing(out system text, out timeline bigint, out database text, out relation text)
language plpgsql stable set search_path = pg_catalog as $$
begin
  database := (select d.oid::text from pg_database d where d.datname = current_database());
  -- A dump that is restored over the same database makes its tables anew.
  relation := to_regclass('public.cluster')::oid::text;
  begin
    system := (select c.system_identifier::text from pg_control_system() c);
  exception when others then system := null;
  end;
  begin
    -- The control file learns of a new timeline at a checkpoint; the name of the file being written shows it at once.
    timeline := ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint;
  exception when others then
    begin
      timeline := (select c.timeline_id from pg_control_checkpoint() c);
    exception when others then timeline := null;
    end;
  end;
end $$;
revoke execute on function latchkey_standing() from public;
grant execute on function latchkey_standing() to latchkey_app, latchkey_scheduler;
