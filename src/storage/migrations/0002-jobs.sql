-- A job is queued in the transaction of the change that wants it, and so commits or vanishes with it. The doors have
-- no rights in the queue's schema; this function is their only way in.

create function latchkey_enqueue(
  job_name text,
  job_payload json,
  job_run_at timestamptz default null,
  job_unique_key text default null,
  job_max_attempts integer default null
) returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  tenant constant uuid := public.latchkey_tenant();
begin
  -- Inside a tenant's transaction the job belongs to that tenant, whatever the payload says.
  if tenant is not null then
    job_payload := (job_payload::jsonb || jsonb_build_object('tenantId', tenant))::json;
  end if;
  perform graphile_worker.add_job(
    identifier => job_name,
    payload => job_payload,
    run_at => job_run_at,
    max_attempts => job_max_attempts,
    job_key => job_unique_key
  );
end
$$;

revoke all on function latchkey_enqueue(text, json, timestamptz, text, integer) from public;
grant execute on function latchkey_enqueue(text, json, timestamptz, text, integer)
  to latchkey_app, latchkey_scheduler, latchkey_accounts;

-- Which workers live. The queue locks a job by the worker's name and would wait four hours for one that was killed;
-- a worker without a heartbeat here gives its jobs back much sooner. No tenant's data; only the owner reaches it.
create table job_worker (
  name text primary key,
  heartbeat_at timestamptz not null default clock_timestamp()
);
