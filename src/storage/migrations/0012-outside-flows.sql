-- Flows that run elsewhere: their processes ask here how a step is configured and which credential it uses.

create table outside_flow (
  tenant_id uuid not null references tenant (id),
  id uuid not null,
  unit_id uuid not null,
  name text not null,
  description text not null default '',
  kind text not null,
  -- As its dialect writes it. Sealed: people put passwords into the fields of a step.
  document_sealed bytea not null,
  document_no bigint not null default 1,
  -- Credentials that its steps name. Names only: while it is started, rows of credential_use hold them.
  credential_ids uuid[] not null default '{}',
  is_started boolean not null default false,
  started_at timestamptz,
  stopped_at timestamptz,
  -- What a component wants back when the flow ends.
  startup_sealed bytea,
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, unit_id) references unit (tenant_id, id) on delete cascade
);
create index outside_flow_unit on outside_flow (tenant_id, unit_id, created_at, id);

alter table outside_flow enable row level security;
alter table outside_flow force row level security;
create policy tenant_rows on outside_flow to latchkey_app
  using (tenant_id = latchkey_tenant()) with check (tenant_id = latchkey_tenant());
grant select, insert, update, delete on outside_flow to latchkey_app;

-- As with connections: a flow that goes, also with its unit, uses its credentials no more.
create function latchkey_forget_flow_use() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  delete from credential_use where tenant_id = old.tenant_id and user_kind = 'flow' and user_id = old.id;
  return old;
end $$;
create trigger forget_use before delete on outside_flow for each row execute function latchkey_forget_flow_use();
