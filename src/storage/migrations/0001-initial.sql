-- The whole store. Everything that belongs to a tenant is keyed (tenant_id, id), reached only through row-level
-- security, and referred to by composite foreign keys, so that no statement can cross tenants by accident.
-- PLATFORM is a tenant row with a fixed id; its components, connection types and auth clients are readable by all.
-- Door roles (latchkey_app, latchkey_scheduler, latchkey_locator, latchkey_accounts) exist before this file runs.

create function latchkey_tenant() returns uuid language sql stable parallel safe as
$$ select nullif(current_setting('latchkey.tenant_id', true), '')::uuid $$;

create function latchkey_platform() returns uuid language sql immutable parallel safe as
$$ select '00000000-0000-4000-8000-000000000001'::uuid $$;

-- ---------------------------------------------------------------------------------------------- installation

-- One row: who this installation is, and proof that the root key is the right one.
create table cluster (
  singleton boolean primary key default true check (singleton),
  installation_id uuid not null,
  identity text,
  takeover_confirmed_at timestamptz,
  root_key_id text,
  root_key_check bytea,
  created_at timestamptz not null default clock_timestamp()
);

-- Every revoking transaction adds one; processes that see another number flush their caches of authority.
create table authority (
  singleton boolean primary key default true check (singleton),
  no bigint not null
);
insert into authority (no) values (1);

-- Heartbeats of running processes: an armed attempt is taken over only when its owner's heartbeat is gone.
create table process (
  id uuid primary key,
  started_at timestamptz not null default clock_timestamp(),
  heartbeat_at timestamptz not null default clock_timestamp(),
  drained boolean not null default false,
  build text not null
);

-- One-time links that lead the first owner to a password.
create table setup_link (
  id uuid primary key,
  hash bytea not null unique,
  expires_at timestamptz not null,
  used_at timestamptz,
  created_at timestamptz not null default clock_timestamp()
);

-- ---------------------------------------------------------------------------------------------- who and where

create table tenant (
  id uuid primary key,
  kind text not null check (kind in ('platform', 'organization')),
  shredded_at timestamptz,
  created_at timestamptz not null default clock_timestamp()
);

-- Wrapped by the root key. Sealing keys rotate; the one fingerprint key does not, because fingerprints are compared
-- over years. A destroyed key stays as a row: it says that what it sealed is gone for good, and keeps its number taken.
create table tenant_key (
  tenant_id uuid not null references tenant (id),
  purpose text not null check (purpose in ('sealing', 'fingerprint')),
  key_no integer not null check (key_no > 0),
  id uuid not null,
  state text not null check (state in ('active', 'decrypt_only', 'destroyed')),
  root_key_id text not null,
  wrapped bytea,
  retired_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, purpose, key_no),
  check ((state = 'destroyed') = (wrapped is null)),
  check ((state = 'active') = (retired_at is null))
);
create unique index tenant_key_active on tenant_key (tenant_id, purpose) where state = 'active';

-- platform > organization > customer > workspace. An organization's unit has the tenant's id.
create table unit (
  tenant_id uuid not null references tenant (id),
  id uuid not null,
  kind text not null check (kind in ('platform', 'organization', 'customer', 'workspace')),
  parent_id uuid,
  external_id text,
  name text not null,
  description text not null default '',
  labels text[] not null default '{}',
  concurrent_execution_limit integer check (concurrent_execution_limit > 0),
  redirect_origins text[] not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, parent_id) references unit (tenant_id, id) on delete cascade,
  unique (tenant_id, parent_id, kind, external_id),
  check (kind in ('platform', 'organization') = (parent_id is null)),
  check (parent_id is not null or id = tenant_id)
);

-- A human being, known by e-mail over all tenants; signs in through the schema "auth".
create table person (
  id uuid primary key,
  email text not null unique check (email = lower(email)),
  name text not null,
  auth_user_id text unique,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);

create table principal (
  tenant_id uuid not null references tenant (id),
  id uuid not null,
  kind text not null check (kind in ('person', 'embedded', 'service', 'step', 'operator')),
  person_id uuid references person (id),
  unit_id uuid not null,
  sub text,
  external_id text,
  name text not null,
  email text,
  disabled_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, unit_id) references unit (tenant_id, id) on delete cascade,
  unique (tenant_id, unit_id, sub),
  unique (tenant_id, unit_id, person_id),
  check ((kind = 'person') = (person_id is not null)),
  check ((kind = 'embedded') <= (sub is not null))
);
create index principal_person on principal (person_id) where person_id is not null;

create table role (
  tenant_id uuid not null references tenant (id),
  id uuid not null,
  unit_kind text not null check (unit_kind in ('platform', 'organization', 'customer', 'workspace')),
  key text not null,
  name text not null,
  description text not null default '',
  builtin boolean not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  unique (tenant_id, unit_kind, key)
);

create table role_permission (
  tenant_id uuid not null,
  role_id uuid not null,
  permission text not null,
  primary key (tenant_id, role_id, permission),
  foreign key (tenant_id, role_id) references role (tenant_id, id) on delete cascade
);

create table membership (
  tenant_id uuid not null,
  principal_id uuid not null,
  unit_id uuid not null,
  role_id uuid not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, principal_id, unit_id, role_id),
  foreign key (tenant_id, principal_id) references principal (tenant_id, id) on delete cascade,
  foreign key (tenant_id, unit_id) references unit (tenant_id, id) on delete cascade,
  foreign key (tenant_id, role_id) references role (tenant_id, id)
);
create index membership_unit on membership (tenant_id, unit_id);

-- Only the hash is kept. `scopes` null = everything its principal may; else the intersection.
create table api_token (
  tenant_id uuid not null,
  id uuid not null,
  hash bytea not null unique,
  principal_id uuid not null,
  name text not null,
  tail text not null,
  scopes text[],
  expires_at timestamptz,
  revoked_at timestamptz,
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, principal_id) references principal (tenant_id, id) on delete cascade
);
create index api_token_principal on api_token (tenant_id, principal_id);

create table signing_key (
  tenant_id uuid not null references tenant (id),
  id uuid not null,
  public_pem text not null,
  tail8 text,
  imported boolean not null,
  state text not null check (state in ('active', 'inactive')),
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id)
);

-- ------------------------------------------------------------------------------------- what a service needs

create table component (
  tenant_id uuid not null,
  id uuid not null,
  unit_id uuid not null,
  key text not null,
  label text not null,
  description text not null default '',
  is_public boolean not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, unit_id) references unit (tenant_id, id) on delete cascade,
  unique (tenant_id, unit_id, key)
);

-- `signature` is the SHA-1 of the package in lower-case hex, as component tools compute it.
create table component_version (
  tenant_id uuid not null,
  id uuid not null,
  component_id uuid not null,
  version_no integer not null check (version_no > 0),
  signature text not null,
  definition jsonb not null,
  package bytea not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, component_id) references component (tenant_id, id) on delete cascade,
  unique (tenant_id, component_id, version_no)
);

-- Which fields enter a service: built in (component_version_id null, PLATFORM's) or declared by a component.
create table connection_type (
  tenant_id uuid not null references tenant (id),
  id uuid not null,
  component_version_id uuid,
  key text not null,
  label text not null,
  comments text not null default '',
  oauth_kind text check (oauth_kind in ('authorization_code', 'client_credentials')),
  pkce text check (pkce in ('S256', 'plain', 'off')),
  oauth_options jsonb not null default '{}',
  position integer not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, component_version_id) references component_version (tenant_id, id) on delete cascade,
  unique nulls not distinct (tenant_id, component_version_id, key)
);

create table connection_type_field (
  tenant_id uuid not null,
  connection_type_id uuid not null,
  key text not null,
  label text not null,
  type text not null check (type in ('string', 'text', 'password', 'number', 'boolean', 'code', 'keyvalue', 'template')),
  secret boolean not null,
  required boolean not null,
  shown boolean not null default true,
  default_value text,
  comments text not null default '',
  position integer not null,
  primary key (tenant_id, connection_type_id, key),
  foreign key (tenant_id, connection_type_id) references connection_type (tenant_id, id) on delete cascade
);

-- -------------------------------------------------------------------------------------------------- OAuth

-- A redirect URI's last part. Handed out before the client id is known, so that the URI can be registered first.
create table callback_context (
  tenant_id uuid not null references tenant (id),
  context text not null unique,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, context)
);

-- The identity of an OAuth app at a provider. Immutable and without secrets: grants stay pinned to the one that minted them.
create table registration (
  tenant_id uuid not null references tenant (id),
  id uuid not null,
  context text not null,
  client_id text not null,
  authorize_url text not null,
  token_url text not null,
  refresh_url text,
  revoke_url text,
  client_auth text not null check (client_auth in ('basic', 'basic_raw', 'post', 'none')),
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, context) references callback_context (tenant_id, context),
  unique (tenant_id, context),
  unique nulls not distinct (tenant_id, client_id, authorize_url, token_url, refresh_url, revoke_url, client_auth)
);

-- Named possession of a registration (or of other client values) at a unit. `owner_credential_id` set = the inline
-- client of one credential, hidden from lists. `broken_since` = the breaker that invalid_client trips.
create table auth_client (
  tenant_id uuid not null references tenant (id),
  id uuid not null,
  unit_id uuid not null,
  name text not null,
  type text not null,
  registration_id uuid,
  values_sealed bytea,
  value_no bigint not null default 0,
  authorize_params jsonb not null default '{}',
  scopes text,
  token_expires_in_seconds integer check (token_expires_in_seconds > 0),
  lead_seconds integer check (lead_seconds >= 0),
  owner_credential_id uuid,
  broken_since timestamptz,
  broken_reason text,
  probe_at timestamptz,
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, unit_id) references unit (tenant_id, id) on delete cascade,
  foreign key (tenant_id, registration_id) references registration (tenant_id, id)
);
create index auth_client_unit on auth_client (tenant_id, unit_id) where owner_credential_id is null;

-- Several secrets, tried in order of `no`, so that a provider's secret rotates without downtime.
create table auth_client_secret (
  tenant_id uuid not null,
  id uuid not null,
  auth_client_id uuid not null,
  no integer not null,
  sealed bytea not null,
  state text not null check (state in ('active', 'retired')),
  expires_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, auth_client_id) references auth_client (tenant_id, id) on delete cascade,
  unique (tenant_id, auth_client_id, no)
);

create table auth_client_component (
  tenant_id uuid not null,
  auth_client_id uuid not null,
  component_ref text not null,
  primary key (tenant_id, auth_client_id, component_ref),
  foreign key (tenant_id, auth_client_id) references auth_client (tenant_id, id) on delete cascade
);

-- Rates and breakers per provider (token endpoint host + client id hash), shared by all processes.
create table provider_bucket (
  provider_key text primary key,
  tokens double precision not null,
  rate_per_second double precision not null,
  refilled_at timestamptz not null default clock_timestamp(),
  open_until timestamptz,
  failures integer not null default 0,
  updated_at timestamptz not null default clock_timestamp()
);

-- --------------------------------------------------------------------------------------------- templates

create table template (
  tenant_id uuid not null references tenant (id),
  id uuid not null,
  unit_id uuid not null,
  name text not null,
  connection_type_tenant_id uuid not null,
  connection_type_id uuid not null,
  auth_client_tenant_id uuid,
  auth_client_id uuid,
  shared boolean not null default false,
  frozen_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, unit_id) references unit (tenant_id, id) on delete cascade,
  foreign key (connection_type_tenant_id, connection_type_id) references connection_type (tenant_id, id),
  foreign key (auth_client_tenant_id, auth_client_id) references auth_client (tenant_id, id),
  check (connection_type_tenant_id in (tenant_id, latchkey_platform())),
  check (auth_client_tenant_id in (tenant_id, latchkey_platform())),
  unique (tenant_id, unit_id, name)
);

create table template_value (
  tenant_id uuid not null,
  template_id uuid not null,
  field_key text not null,
  sealed bytea not null,
  value_no bigint not null,
  primary key (tenant_id, template_id, field_key),
  foreign key (tenant_id, template_id) references template (tenant_id, id) on delete cascade
);

-- ------------------------------------------------------------------------------------ credentials and grants

create table credential (
  tenant_id uuid not null references tenant (id),
  id uuid not null,
  unit_id uuid not null,
  kind text not null check (kind in ('named', 'owned')),
  label text,
  connection_type_tenant_id uuid not null,
  connection_type_id uuid not null,
  auth_client_tenant_id uuid,
  auth_client_id uuid,
  template_id uuid,
  authorize_params jsonb not null default '{}',
  reported_error text,
  redirect_success text,
  redirect_failure text,
  -- The highest number that a value of it ever had: a field that is cleared and set again must not repeat one.
  last_value_no bigint not null default 0,
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, unit_id) references unit (tenant_id, id) on delete cascade,
  foreign key (connection_type_tenant_id, connection_type_id) references connection_type (tenant_id, id),
  foreign key (auth_client_tenant_id, auth_client_id) references auth_client (tenant_id, id),
  foreign key (tenant_id, template_id) references template (tenant_id, id),
  check (connection_type_tenant_id in (tenant_id, latchkey_platform())),
  check (auth_client_tenant_id in (tenant_id, latchkey_platform())),
  check ((kind = 'named') = (label is not null))
);
create index credential_unit on credential (tenant_id, unit_id, label);
create index credential_auth_client on credential (tenant_id, auth_client_id) where auth_client_id is not null;

alter table auth_client add foreign key (tenant_id, owner_credential_id)
  references credential (tenant_id, id) on delete cascade deferrable initially deferred;

-- A row per field, so that one field changes and is bound by its additional authenticated data alone.
create table credential_value (
  tenant_id uuid not null,
  credential_id uuid not null,
  field_key text not null,
  sealed bytea not null,
  value_no bigint not null,
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, credential_id, field_key),
  foreign key (tenant_id, credential_id) references credential (tenant_id, id) on delete cascade
);

-- The tokens of an oauth2 credential and all of their scheduling in one row; nothing else is written here.
-- consent_no rises only when the token set is replaced or deleted; token_no with every stored token. A commit compares both.
create table oauth_grant (
  tenant_id uuid not null,
  credential_id uuid not null,
  registration_id uuid,
  minted_by_tenant_id uuid,
  minted_by uuid,
  provider_key text,
  consent_no bigint not null default 0,
  token_no bigint not null default 0,
  state text not null check (state in
    ('pending', 'pending_confirmation', 'active', 'degraded', 'needs_reauth', 'disconnected', 'static')),
  ct bytea,
  issued_at timestamptz,
  expires_at timestamptz,
  refresh_expires_at timestamptz,
  expiry_assumed boolean not null default false,
  refresh_due_at timestamptz,
  refreshed_at timestamptz,
  attempt_id uuid,
  attempt_owner uuid,
  attempt_deadline timestamptz,
  outcome_unknown boolean not null default false,
  fail_count integer not null default 0,
  suspect_since timestamptz,
  last_error_code text,
  last_error text,
  last_error_at timestamptz,
  account_ref bytea,
  account_label text,
  granted_scope text,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, credential_id),
  foreign key (tenant_id, credential_id) references credential (tenant_id, id) on delete cascade,
  foreign key (tenant_id, registration_id) references registration (tenant_id, id),
  check ((attempt_id is null) = (attempt_deadline is null)),
  check ((attempt_id is null) = (attempt_owner is null)),
  check (state not in ('pending', 'disconnected') or (ct is null and refresh_due_at is null))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);
create index oauth_grant_due on oauth_grant (refresh_due_at)
  where state in ('active', 'degraded') and refresh_due_at is not null and attempt_id is null;
create index oauth_grant_armed on oauth_grant (attempt_deadline) where attempt_id is not null;
create index oauth_grant_account on oauth_grant (tenant_id, registration_id, account_ref) where account_ref is not null;

create table grant_use (
  tenant_id uuid not null,
  credential_id uuid not null,
  last_used_at timestamptz not null,
  primary key (tenant_id, credential_id),
  foreign key (tenant_id, credential_id) references oauth_grant (tenant_id, credential_id) on delete cascade
);

-- Tokens that must be revoked at the provider; they outlive the credential by at most 24 h. `sealed` goes when done.
create table revocation (
  tenant_id uuid not null references tenant (id),
  id uuid not null,
  credential_id uuid not null,
  registration_id uuid not null,
  auth_client_tenant_id uuid,
  auth_client_id uuid,
  reason text not null,
  sealed bytea,
  client_secrets_sealed bytea,
  attempts integer not null default 0,
  result text,
  done_at timestamptz,
  expires_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, registration_id) references registration (tenant_id, id)
);

-- Who uses a credential: rows written by the rooms above, so that deletion can be refused and explained.
create table credential_use (
  tenant_id uuid not null,
  credential_id uuid not null,
  user_kind text not null,
  user_id uuid not null,
  primary key (tenant_id, credential_id, user_kind, user_id),
  foreign key (tenant_id, credential_id) references credential (tenant_id, id) on delete restrict
);

-- ------------------------------------------------------------------------------------------------ consent

create table invitation (
  tenant_id uuid not null references tenant (id),
  id uuid not null,
  token_hash bytea not null unique,
  credential_id uuid not null,
  recipient text not null,
  message text not null default '',
  snapshot jsonb not null,
  requested_by uuid,
  expires_at timestamptz not null,
  sent_at timestamptz,
  completed_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, credential_id) references credential (tenant_id, id) on delete cascade
);
create index invitation_credential on invitation (tenant_id, credential_id);
create index invitation_recent on invitation (tenant_id, created_at);

-- One running consent. `snapshot` holds what the pages show and where the redirects go, given by the caller.
create table oauth_authorization (
  tenant_id uuid not null references tenant (id),
  id uuid not null,
  state_hash bytea not null unique,
  browser_hash bytea not null,
  credential_id uuid not null,
  connection_id uuid,
  registration_id uuid not null,
  auth_client_tenant_id uuid not null,
  auth_client_id uuid not null,
  principal_id uuid,
  invitation_id uuid,
  policy text not null check (policy in ('session', 'invitation', 'headless')),
  redirect_uri text not null,
  requested_scope text,
  verifier_sealed bytea,
  expected_consent_no bigint not null,
  snapshot jsonb not null,
  status text not null check (status in ('started', 'exchanging', 'exchanged', 'completed', 'failed', 'cancelled')),
  result_sealed bytea,
  account_ref bytea,
  account_label text,
  account_changed boolean not null default false,
  error_code text,
  error_text text,
  expires_at timestamptz not null,
  confirmed_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, credential_id) references credential (tenant_id, id) on delete cascade,
  foreign key (tenant_id, registration_id) references registration (tenant_id, id),
  foreign key (tenant_id, invitation_id) references invitation (tenant_id, id) on delete cascade
);
create index oauth_authorization_credential on oauth_authorization (tenant_id, credential_id);
create index oauth_authorization_expiry on oauth_authorization (expires_at) where status in ('started', 'exchanging', 'exchanged');

-- ------------------------------------------------------------------------------------------- integrations

create table integration (
  tenant_id uuid not null,
  id uuid not null,
  unit_id uuid not null,
  name text not null,
  description text not null default '',
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, unit_id) references unit (tenant_id, id) on delete cascade
);

-- version_no null = the draft; an integration has at most one.
create table integration_version (
  tenant_id uuid not null,
  id uuid not null,
  integration_id uuid not null,
  version_no integer check (version_no > 0),
  definition jsonb not null,
  source text not null,
  comment text not null default '',
  is_available boolean not null default true,
  published_at timestamptz,
  published_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, integration_id) references integration (tenant_id, id) on delete cascade,
  unique nulls not distinct (tenant_id, integration_id, version_no),
  check ((version_no is null) = (published_at is null))
);

create table shared_variable (
  tenant_id uuid not null references tenant (id),
  id uuid not null,
  stable_key text not null,
  description text not null default '',
  managed_by text not null check (managed_by in ('organization', 'customer')),
  variable_scope text not null check (variable_scope in ('organization', 'customer')),
  connection_type_tenant_id uuid not null,
  connection_type_id uuid not null,
  template_id uuid,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (connection_type_tenant_id, connection_type_id) references connection_type (tenant_id, id),
  foreign key (tenant_id, template_id) references template (tenant_id, id),
  check (connection_type_tenant_id in (tenant_id, latchkey_platform())),
  unique (tenant_id, stable_key)
);

create table shared_variable_field (
  tenant_id uuid not null,
  shared_variable_id uuid not null,
  field_key text not null,
  level text not null check (level in ('global', 'customer')),
  primary key (tenant_id, shared_variable_id, field_key),
  foreign key (tenant_id, shared_variable_id) references shared_variable (tenant_id, id) on delete cascade
);

create table config_variable (
  tenant_id uuid not null,
  id uuid not null,
  integration_version_id uuid not null,
  key text not null,
  stable_key text not null,
  data_type text not null,
  connection_type_tenant_id uuid,
  connection_type_id uuid,
  template_id uuid,
  shared_variable_id uuid,
  level text not null check (level in ('instance', 'user')),
  required boolean not null default false,
  org_only boolean not null default false,
  redirect_success text,
  redirect_failure text,
  position integer not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, integration_version_id) references integration_version (tenant_id, id) on delete cascade,
  foreign key (connection_type_tenant_id, connection_type_id) references connection_type (tenant_id, id),
  foreign key (tenant_id, template_id) references template (tenant_id, id),
  foreign key (tenant_id, shared_variable_id) references shared_variable (tenant_id, id),
  check (connection_type_tenant_id in (tenant_id, latchkey_platform())),
  unique (tenant_id, integration_version_id, key),
  unique (tenant_id, integration_version_id, stable_key)
);

create table config_variable_field (
  tenant_id uuid not null,
  config_variable_id uuid not null,
  field_key text not null,
  visibility text not null check (visibility in ('shown', 'embedded', 'hidden')),
  org_only boolean not null default false,
  default_sealed bytea,
  default_no bigint not null default 0,
  primary key (tenant_id, config_variable_id, field_key),
  foreign key (tenant_id, config_variable_id) references config_variable (tenant_id, id) on delete cascade
);

create table instance (
  tenant_id uuid not null,
  id uuid not null,
  unit_id uuid not null,
  integration_id uuid not null,
  integration_version_id uuid not null,
  deployed_version_id uuid,
  name text not null,
  description text not null default '',
  kind text not null check (kind in ('deployed', 'test')),
  enabled boolean not null default false,
  deployed_at timestamptz,
  -- What steps keep for all flows of the instance; sealed, because components keep secrets of their services there.
  state_sealed bytea,
  state_no bigint not null default 0,
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, unit_id) references unit (tenant_id, id) on delete cascade,
  foreign key (tenant_id, integration_id) references integration (tenant_id, id),
  foreign key (tenant_id, integration_version_id) references integration_version (tenant_id, id),
  foreign key (tenant_id, deployed_version_id) references integration_version (tenant_id, id),
  check ((deployed_at is null) = (deployed_version_id is null))
);
create index instance_unit on instance (tenant_id, unit_id);

-- A flow of an instance: its id, with the tenant's, is the trigger address.
create table instance_flow (
  tenant_id uuid not null,
  id uuid not null,
  instance_id uuid not null,
  flow_key text not null,
  name text not null,
  api_key_hashes bytea[] not null default '{}',
  -- What steps of the flow keep between executions.
  state_sealed bytea,
  state_no bigint not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, instance_id) references instance (tenant_id, id) on delete cascade,
  unique (tenant_id, instance_id, flow_key)
);

-- Values of config variables that are not connections.
create table instance_variable (
  tenant_id uuid not null,
  instance_id uuid not null,
  stable_key text not null,
  value jsonb not null,
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, instance_id, stable_key),
  foreign key (tenant_id, instance_id) references instance (tenant_id, id) on delete cascade
);

-- One holder's value of a connection config variable. credential_id null = the drop-down was left empty.
-- pending and configured are derived from the credential's grant; only healthy and error are stored.
create table connection (
  tenant_id uuid not null references tenant (id),
  id uuid not null,
  holder text not null check (holder in ('instance', 'instance_user', 'customer', 'organization')),
  unit_id uuid not null,
  instance_id uuid,
  principal_id uuid,
  stable_key text,
  shared_variable_id uuid,
  is_test boolean not null default false,
  credential_id uuid,
  status text check (status in ('healthy', 'error')),
  -- The consent that the status speaks of: after another one it says nothing any more.
  status_consent_no bigint,
  reason text,
  last_ok_execution_id uuid,
  status_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, unit_id) references unit (tenant_id, id) on delete cascade,
  foreign key (tenant_id, instance_id) references instance (tenant_id, id) on delete cascade,
  foreign key (tenant_id, principal_id) references principal (tenant_id, id) on delete cascade,
  foreign key (tenant_id, shared_variable_id) references shared_variable (tenant_id, id),
  foreign key (tenant_id, credential_id) references credential (tenant_id, id),
  unique nulls not distinct
    (tenant_id, holder, unit_id, instance_id, principal_id, stable_key, shared_variable_id, is_test),
  check ((holder in ('instance', 'instance_user')) = (instance_id is not null)),
  check ((holder in ('instance', 'instance_user')) = (stable_key is not null)),
  check ((holder in ('customer', 'organization')) = (shared_variable_id is not null)),
  check ((holder = 'instance_user') = (principal_id is not null))
);
create index connection_instance on connection (tenant_id, instance_id) where instance_id is not null;
create index connection_credential on connection (tenant_id, credential_id) where credential_id is not null;

-- A connection that goes, also with its instance or customer, uses its credential no more. Before the row goes: the
-- credential may be on its way out in the same statement.
create function latchkey_forget_use() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  delete from credential_use where tenant_id = old.tenant_id and user_kind = 'connection' and user_id = old.id;
  return old;
end $$;
create trigger forget_use before delete on connection for each row execute function latchkey_forget_use();

-- What happened to a connection or a credential: consent, refresh, use, errors, with the provider's words redacted.
create table connection_log (
  tenant_id uuid not null references tenant (id),
  id bigint generated always as identity,
  connection_id uuid,
  credential_id uuid,
  execution_id uuid,
  severity text not null check (severity in ('info', 'warn', 'error')),
  code text not null,
  message text not null,
  at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, connection_id) references connection (tenant_id, id) on delete cascade,
  foreign key (tenant_id, credential_id) references credential (tenant_id, id) on delete cascade,
  check (connection_id is not null or credential_id is not null)
);
create index connection_log_connection on connection_log (tenant_id, connection_id, id) where connection_id is not null;
create index connection_log_credential on connection_log (tenant_id, credential_id, id) where credential_id is not null;

-- --------------------------------------------------------------------------------------- runs and records

create table execution (
  tenant_id uuid not null,
  id uuid not null,
  instance_id uuid not null,
  instance_flow_id uuid not null,
  integration_version_id uuid not null,
  customer_unit_id uuid not null,
  kind text not null check (kind in ('trigger', 'test')),
  status text not null check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  payload_sealed bytea,
  error text,
  worker_process_id uuid,
  -- How often it was begun: one that takes its process down before any step must not do so for ever.
  claim_count integer not null default 0,
  invoked_by uuid,
  queued_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  ended_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, instance_id) references instance (tenant_id, id) on delete cascade,
  foreign key (tenant_id, instance_flow_id) references instance_flow (tenant_id, id) on delete cascade,
  foreign key (tenant_id, integration_version_id) references integration_version (tenant_id, id)
);
create index execution_instance on execution (tenant_id, instance_id, queued_at);
create index execution_open on execution (tenant_id, customer_unit_id, queued_at) where status in ('queued', 'running');

create table step_result (
  tenant_id uuid not null,
  execution_id uuid not null,
  position integer not null,
  step_name text not null,
  status text not null check (status in ('running', 'succeeded', 'failed')),
  result_sealed bytea,
  content_type text,
  error text,
  started_at timestamptz not null,
  ended_at timestamptz,
  primary key (tenant_id, execution_id, position),
  foreign key (tenant_id, execution_id) references execution (tenant_id, id) on delete cascade
);

create table execution_log (
  tenant_id uuid not null references tenant (id),
  id bigint generated always as identity,
  execution_id uuid not null,
  instance_id uuid not null,
  severity integer not null,
  message text not null,
  step_name text,
  at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, execution_id) references execution (tenant_id, id) on delete cascade
);
create index execution_log_execution on execution_log (tenant_id, execution_id, id);
create index execution_log_instance on execution_log (tenant_id, instance_id, id);

-- A running step's right to the tokens of the named credentials, checked at each use until the execution ends.
create table step_ticket (
  tenant_id uuid not null,
  id uuid not null,
  hash bytea not null unique,
  execution_id uuid not null,
  step_name text not null,
  credential_ids uuid[] not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, execution_id) references execution (tenant_id, id) on delete cascade
);

-- Inserted in the transaction of the change and never touched again.
create table audit_event (
  tenant_id uuid not null references tenant (id),
  seq bigint generated always as identity,
  at timestamptz not null default clock_timestamp(),
  actor_kind text not null,
  actor_id uuid,
  actor_name text,
  action text not null,
  object_kind text,
  object_id text,
  result text not null default 'ok',
  fields text[] not null default '{}',
  request_id text,
  detail jsonb not null default '{}',
  primary key (tenant_id, seq)
);

-- Events that wait for their place in the chain: a transaction that began first may commit last, so `seq` is no
-- order to chain in while writers run.
create table audit_unchained (
  tenant_id uuid not null,
  seq bigint not null,
  primary key (tenant_id, seq),
  foreign key (tenant_id, seq) references audit_event (tenant_id, seq)
);

-- The chain: link n holds SHA-256 over link n-1 and the event. Made within a second of the event by a sealer.
create table audit_link (
  tenant_id uuid not null references tenant (id),
  link_no bigint not null check (link_no > 0),
  seq bigint not null,
  hash bytea not null,
  primary key (tenant_id, link_no),
  unique (tenant_id, seq)
);

-- Heads of the chain as they were once, to be compared with copies kept elsewhere.
create table audit_checkpoint (
  tenant_id uuid not null references tenant (id),
  link_no bigint not null,
  hash bytea not null,
  at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, link_no)
);

-- ---------------------------------------------------------------------------------- row-level security, doors

do $$
declare
  t text;
  tenant_tables constant text[] := array[
    'tenant_key', 'unit', 'principal', 'role', 'role_permission', 'membership', 'api_token', 'signing_key',
    'component', 'component_version', 'connection_type', 'connection_type_field', 'callback_context', 'registration',
    'auth_client', 'auth_client_secret', 'auth_client_component', 'template', 'template_value', 'credential',
    'credential_value', 'oauth_grant', 'grant_use', 'revocation', 'credential_use', 'invitation',
    'oauth_authorization', 'integration', 'integration_version', 'shared_variable', 'shared_variable_field',
    'config_variable', 'config_variable_field', 'instance', 'instance_flow', 'instance_variable', 'connection',
    'connection_log', 'execution', 'step_result', 'execution_log', 'step_ticket', 'audit_event',
    'audit_unchained', 'audit_link', 'audit_checkpoint'];
  -- What the platform gives to everyone, read only.
  platform_tables constant text[] := array[
    'component', 'component_version', 'connection_type', 'connection_type_field', 'auth_client', 'auth_client_secret',
    'auth_client_component', 'registration', 'tenant_key'];
begin
  foreach t in array tenant_tables loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format(
      'create policy tenant_rows on %I to latchkey_app using (tenant_id = latchkey_tenant()) with check (tenant_id = latchkey_tenant())', t);
    execute format('grant select, insert, update, delete on %I to latchkey_app', t);
  end loop;
  foreach t in array platform_tables loop
    execute format('create policy platform_rows on %I for select to latchkey_app using (tenant_id = latchkey_platform() and latchkey_tenant() is not null)', t);
  end loop;
end $$;

alter table tenant enable row level security;
alter table tenant force row level security;
create policy own_tenant on tenant to latchkey_app using (id = latchkey_tenant()) with check (id = latchkey_tenant());
create policy all_tenants on tenant for select to latchkey_locator, latchkey_scheduler using (true);
grant select, insert, update on tenant to latchkey_app;
grant select on tenant to latchkey_locator, latchkey_scheduler;

-- A person is visible to a tenant in which he or she is a principal.
alter table person enable row level security;
alter table person force row level security;
create policy known_person on person for select to latchkey_app
  using (exists (select 1 from principal p where p.person_id = person.id));
create policy every_person on person to latchkey_accounts using (true) with check (true);
grant select on person to latchkey_app;
grant select, insert, update on person to latchkey_accounts;
grant select, insert, update on setup_link to latchkey_accounts;

-- The audit trail is only ever added to.
revoke update, delete on audit_event, audit_link, audit_checkpoint from latchkey_app;
revoke update on audit_unchained from latchkey_app;

-- The locator finds the tenants of a signed-in person.
create policy locate_principal on principal for select to latchkey_locator using (true);
grant select (tenant_id, id, person_id, unit_id, kind, disabled_at) on principal to latchkey_locator;

-- The scheduler sees and moves scheduling columns of grants, never their tokens.
create policy schedule on oauth_grant to latchkey_scheduler using (true) with check (true);
grant select (tenant_id, credential_id, provider_key, consent_no, token_no, state, expires_at, refresh_expires_at, refresh_due_at,
  attempt_id, attempt_owner, attempt_deadline, outcome_unknown, fail_count, registration_id) on oauth_grant to latchkey_scheduler;
grant update (refresh_due_at, attempt_id, attempt_owner, attempt_deadline, outcome_unknown) on oauth_grant to latchkey_scheduler;
create policy schedule_expiry on oauth_authorization for select to latchkey_scheduler using (true);
grant select (tenant_id, id, expires_at, status) on oauth_authorization to latchkey_scheduler;
create policy schedule_chain on audit_unchained for select to latchkey_scheduler using (true);
grant select on audit_unchained to latchkey_scheduler;
-- Which tenant keys a new root key must still wrap; never the wrapped keys.
create policy schedule_rewrap on tenant_key for select to latchkey_scheduler using (true);
grant select (tenant_id, purpose, key_no, state, root_key_id, retired_at) on tenant_key to latchkey_scheduler;
create policy schedule_execution on execution for select to latchkey_scheduler using (true);
grant select (tenant_id, id, customer_unit_id, status, worker_process_id) on execution to latchkey_scheduler;

grant select on cluster, authority to latchkey_app, latchkey_scheduler, latchkey_locator;
grant update on authority to latchkey_app, latchkey_accounts;
grant select on authority to latchkey_accounts;
grant select, insert, update, delete on process to latchkey_scheduler;
grant select on process to latchkey_app;
grant select, insert, update on provider_bucket to latchkey_scheduler, latchkey_app;

-- ------------------------------------------------------------------------------------------------- platform

-- The owner has no policy on these tables (FORCE): rows enter as the application role of the platform's tenant.
set local role latchkey_app;
select set_config('latchkey.tenant_id', latchkey_platform()::text, true);
insert into tenant (id, kind) values (latchkey_platform(), 'platform');
insert into unit (tenant_id, id, kind, name) values (latchkey_platform(), latchkey_platform(), 'platform', 'Platform');

-- Built-in connection types, with the exact keys and fields that integrations have used since the first generation.
insert into connection_type (tenant_id, id, key, label, oauth_kind, position) values
  (latchkey_platform(), '00000000-0000-4000-8000-000000000101', 'api_key_secret', 'API Key / Secret', null, 1),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000102', 'basic', 'Basic Auth', null, 2),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000103', 'private_key', 'Private Key', null, 3),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000104', 'api_key', 'API Key', null, 4),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000105', 'oauth2', 'OAuth 2.0', 'authorization_code', 5),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000106', 'noauth', 'No authentication', null, 6);
insert into connection_type_field (tenant_id, connection_type_id, key, label, type, secret, required, position) values
  (latchkey_platform(), '00000000-0000-4000-8000-000000000101', 'api_key', 'API Key', 'string', true, true, 1),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000101', 'api_secret', 'API Secret', 'password', true, true, 2),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000102', 'username', 'Username', 'string', false, true, 1),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000102', 'password', 'Password', 'password', true, true, 2),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000103', 'username', 'Username', 'string', false, true, 1),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000103', 'private_key', 'Private Key', 'text', true, true, 2),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000104', 'api_key', 'API Key', 'password', true, true, 1),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000105', 'client_id', 'Client ID', 'string', false, true, 1),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000105', 'client_secret', 'Client Secret', 'password', true, true, 2),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000105', 'scopes', 'Scopes', 'string', false, false, 3),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000105', 'auth_uri', 'Authorization URL', 'string', false, true, 4),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000105', 'token_uri', 'Access Token URL', 'string', false, true, 5);
-- Not part of the form: what only some clients keep beside the fields above.
insert into connection_type_field (tenant_id, connection_type_id, key, label, type, secret, required, shown, position) values
  (latchkey_platform(), '00000000-0000-4000-8000-000000000104', 'header_name', 'Header name', 'string', false, false, false, 2),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000102', 'extra_fields', 'Further fields', 'keyvalue', true, false, false, 3),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000104', 'extra_fields', 'Further fields', 'keyvalue', true, false, false, 3),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000105', 'extra_fields', 'Further fields', 'keyvalue', true, false, false, 6),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000105', 'refresh_token_uri', 'Refresh URL', 'string', false, false, false, 7),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000105', 'revoke_uri', 'Revocation URL', 'string', false, false, false, 8),
  (latchkey_platform(), '00000000-0000-4000-8000-000000000106', 'extra_fields', 'Further fields', 'keyvalue', true, false, false, 1);
reset role;
