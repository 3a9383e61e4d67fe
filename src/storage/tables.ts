// Generated from the catalog by `npm run generate:tables`; a test fails when it is stale. Do not edit.
import type { ColumnType, GeneratedAlways } from 'kysely';

/** May be left out of an insert: the column has a default. */
type Defaulted<T> = ColumnType<T, T | undefined, T>;
/** Comes back parsed; goes in as text made by JSON.stringify: the driver would turn arrays into SQL arrays. */
type Json = ColumnType<unknown, string, string>;
/** As Json, with a default. */
type DefaultedJson = ColumnType<unknown, string | undefined, string>;

export interface ApiTokenTable {
  tenant_id: string;
  id: string;
  hash: Buffer;
  principal_id: string;
  name: string;
  tail: string;
  scopes: readonly string[] | null;
  expires_at: Date | null;
  revoked_at: Date | null;
  created_by: string | null;
  created_at: Defaulted<Date>;
}

export interface AuditCheckpointTable {
  tenant_id: string;
  link_no: number;
  hash: Buffer;
  at: Defaulted<Date>;
}

export interface AuditEventTable {
  tenant_id: string;
  seq: GeneratedAlways<number>;
  at: Defaulted<Date>;
  actor_kind: string;
  actor_id: string | null;
  actor_name: string | null;
  action: string;
  object_kind: string | null;
  object_id: string | null;
  result: Defaulted<string>;
  fields: Defaulted<readonly string[]>;
  request_id: string | null;
  detail: DefaultedJson;
}

export interface AuditLinkTable {
  tenant_id: string;
  link_no: number;
  seq: number;
  hash: Buffer;
}

export interface AuditUnchainedTable {
  tenant_id: string;
  seq: number;
}

export interface AuthClientTable {
  tenant_id: string;
  id: string;
  unit_id: string;
  name: string;
  type: string;
  registration_id: string | null;
  values_sealed: Buffer | null;
  value_no: Defaulted<number>;
  authorize_params: DefaultedJson;
  scopes: string | null;
  token_expires_in_seconds: number | null;
  lead_seconds: number | null;
  owner_credential_id: string | null;
  broken_since: Date | null;
  broken_reason: string | null;
  probe_at: Date | null;
  created_by: string | null;
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
  refresh_mode: Defaulted<'eager' | 'when_used' | 'keep_alive'>;
}

export interface AuthClientComponentTable {
  tenant_id: string;
  auth_client_id: string;
  component_ref: string;
}

export interface AuthClientSecretTable {
  tenant_id: string;
  id: string;
  auth_client_id: string;
  no: number;
  sealed: Buffer;
  state: 'active' | 'retired';
  expires_at: Date | null;
  created_at: Defaulted<Date>;
}

export interface AuthorityTable {
  singleton: Defaulted<boolean>;
  no: number;
}

export interface CallbackContextTable {
  tenant_id: string;
  context: string;
  created_at: Defaulted<Date>;
}

export interface ClusterTable {
  singleton: Defaulted<boolean>;
  installation_id: string;
  identity: string | null;
  takeover_confirmed_at: Date | null;
  root_key_id: string | null;
  root_key_check: Buffer | null;
  created_at: Defaulted<Date>;
  takeover_no: Defaulted<number>;
  doubt: string | null;
}

export interface ComponentTable {
  tenant_id: string;
  id: string;
  unit_id: string;
  key: string;
  label: string;
  description: Defaulted<string>;
  is_public: boolean;
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
}

export interface ComponentVersionTable {
  tenant_id: string;
  id: string;
  component_id: string;
  version_no: number;
  signature: string;
  definition: Json;
  package: Buffer;
  created_at: Defaulted<Date>;
}

export interface ConfigVariableTable {
  tenant_id: string;
  id: string;
  integration_version_id: string;
  key: string;
  stable_key: string;
  data_type: string;
  connection_type_tenant_id: string | null;
  connection_type_id: string | null;
  template_id: string | null;
  shared_variable_id: string | null;
  level: 'instance' | 'user';
  required: Defaulted<boolean>;
  org_only: Defaulted<boolean>;
  redirect_success: string | null;
  redirect_failure: string | null;
  position: number;
}

export interface ConfigVariableFieldTable {
  tenant_id: string;
  config_variable_id: string;
  field_key: string;
  visibility: 'shown' | 'embedded' | 'hidden';
  org_only: Defaulted<boolean>;
  default_sealed: Buffer | null;
  default_no: Defaulted<number>;
}

export interface ConnectionTable {
  tenant_id: string;
  id: string;
  holder: 'instance' | 'instance_user' | 'customer' | 'organization';
  unit_id: string;
  instance_id: string | null;
  principal_id: string | null;
  stable_key: string | null;
  shared_variable_id: string | null;
  is_test: Defaulted<boolean>;
  credential_id: string | null;
  status: 'healthy' | 'error' | null;
  status_consent_no: number | null;
  reason: string | null;
  last_ok_execution_id: string | null;
  status_at: Date | null;
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
}

export interface ConnectionLogTable {
  tenant_id: string;
  id: GeneratedAlways<number>;
  connection_id: string | null;
  credential_id: string | null;
  execution_id: string | null;
  severity: 'info' | 'warn' | 'error';
  code: string;
  message: string;
  at: Defaulted<Date>;
}

export interface ConnectionTypeTable {
  tenant_id: string;
  id: string;
  component_version_id: string | null;
  key: string;
  label: string;
  comments: Defaulted<string>;
  oauth_kind: 'authorization_code' | 'client_credentials' | null;
  pkce: 'S256' | 'plain' | 'off' | null;
  oauth_options: DefaultedJson;
  position: Defaulted<number>;
  created_at: Defaulted<Date>;
}

export interface ConnectionTypeFieldTable {
  tenant_id: string;
  connection_type_id: string;
  key: string;
  label: string;
  type: 'string' | 'text' | 'password' | 'number' | 'boolean' | 'code' | 'keyvalue' | 'template';
  secret: boolean;
  required: boolean;
  shown: Defaulted<boolean>;
  default_value: string | null;
  comments: Defaulted<string>;
  position: number;
}

export interface CredentialTable {
  tenant_id: string;
  id: string;
  unit_id: string;
  kind: 'named' | 'owned';
  label: string | null;
  connection_type_tenant_id: string;
  connection_type_id: string;
  auth_client_tenant_id: string | null;
  auth_client_id: string | null;
  template_id: string | null;
  authorize_params: DefaultedJson;
  reported_error: string | null;
  redirect_success: string | null;
  redirect_failure: string | null;
  last_value_no: Defaulted<number>;
  created_by: string | null;
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
  type_key: string;
  oauth_kind: string | null;
  client_type: string | null;
}

export interface CredentialUseTable {
  tenant_id: string;
  credential_id: string;
  user_kind: string;
  user_id: string;
}

export interface CredentialValueTable {
  tenant_id: string;
  credential_id: string;
  field_key: string;
  sealed: Buffer;
  value_no: number;
  updated_at: Defaulted<Date>;
}

export interface ExecutionTable {
  tenant_id: string;
  id: string;
  instance_id: string;
  instance_flow_id: string;
  integration_version_id: string;
  customer_unit_id: string;
  kind: 'trigger' | 'test';
  status: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  payload_sealed: Buffer | null;
  error: string | null;
  worker_process_id: string | null;
  claim_count: Defaulted<number>;
  invoked_by: string | null;
  queued_at: Defaulted<Date>;
  started_at: Date | null;
  ended_at: Date | null;
}

export interface ExecutionLogTable {
  tenant_id: string;
  id: GeneratedAlways<number>;
  execution_id: string;
  instance_id: string;
  severity: number;
  message: string;
  step_name: string | null;
  at: Defaulted<Date>;
}

export interface GrantDayTable {
  tenant_id: string;
  credential_id: string;
  day: string;
  refreshed: Defaulted<number>;
  failed: Defaulted<number>;
  taken_over: Defaulted<number>;
  last_refreshed_at: Date | null;
  last_failed_at: Date | null;
  last_taken_over_at: Date | null;
}

export interface GrantUseTable {
  tenant_id: string;
  credential_id: string;
  last_used_at: Date;
}

export interface InstanceTable {
  tenant_id: string;
  id: string;
  unit_id: string;
  integration_id: string;
  integration_version_id: string;
  deployed_version_id: string | null;
  name: string;
  description: Defaulted<string>;
  kind: 'deployed' | 'test';
  enabled: Defaulted<boolean>;
  deployed_at: Date | null;
  state_sealed: Buffer | null;
  state_no: Defaulted<number>;
  created_by: string | null;
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
}

export interface InstanceFlowTable {
  tenant_id: string;
  id: string;
  instance_id: string;
  flow_key: string;
  name: string;
  api_key_hashes: Defaulted<readonly Buffer[]>;
  state_sealed: Buffer | null;
  state_no: Defaulted<number>;
  created_at: Defaulted<Date>;
}

export interface InstanceVariableTable {
  tenant_id: string;
  instance_id: string;
  stable_key: string;
  value: Json;
  updated_at: Defaulted<Date>;
}

export interface IntegrationTable {
  tenant_id: string;
  id: string;
  unit_id: string;
  name: string;
  description: Defaulted<string>;
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
}

export interface IntegrationVersionTable {
  tenant_id: string;
  id: string;
  integration_id: string;
  version_no: number | null;
  definition: Json;
  source: string;
  comment: Defaulted<string>;
  is_available: Defaulted<boolean>;
  published_at: Date | null;
  published_by: string | null;
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
}

export interface InvitationTable {
  tenant_id: string;
  id: string;
  token_hash: Buffer;
  credential_id: string;
  recipient: string;
  message: Defaulted<string>;
  snapshot: Json;
  requested_by: string | null;
  expires_at: Date;
  sent_at: Date | null;
  completed_at: Date | null;
  revoked_at: Date | null;
  created_at: Defaulted<Date>;
}

export interface JobWorkerTable {
  name: string;
  heartbeat_at: Defaulted<Date>;
}

export interface LearnedLifetimeTable {
  tenant_id: string;
  provider_key: string;
  seconds: number;
  learned_at: Defaulted<Date>;
}

export interface MembershipTable {
  tenant_id: string;
  principal_id: string;
  unit_id: string;
  role_id: string;
  created_at: Defaulted<Date>;
}

export interface MigrationTable {
  number: number;
  name: string;
  checksum: string;
  applied_at: Defaulted<Date>;
}

export interface OauthAuthorizationTable {
  tenant_id: string;
  id: string;
  state_hash: Buffer;
  browser_hash: Buffer;
  credential_id: string;
  connection_id: string | null;
  registration_id: string;
  auth_client_tenant_id: string;
  auth_client_id: string;
  principal_id: string | null;
  invitation_id: string | null;
  policy: 'session' | 'invitation' | 'headless';
  redirect_uri: string;
  requested_scope: string | null;
  verifier_sealed: Buffer | null;
  expected_consent_no: number;
  snapshot: Json;
  status: 'started' | 'exchanging' | 'exchanged' | 'completed' | 'failed' | 'cancelled';
  result_sealed: Buffer | null;
  account_ref: Buffer | null;
  account_label: string | null;
  account_changed: Defaulted<boolean>;
  error_code: string | null;
  error_text: string | null;
  expires_at: Date;
  confirmed_at: Date | null;
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
}

export interface OauthGrantTable {
  tenant_id: string;
  credential_id: string;
  registration_id: string | null;
  minted_by_tenant_id: string | null;
  minted_by: string | null;
  provider_key: string | null;
  consent_no: Defaulted<number>;
  token_no: Defaulted<number>;
  state: 'pending' | 'pending_confirmation' | 'active' | 'degraded' | 'needs_reauth' | 'disconnected' | 'static';
  ct: Buffer | null;
  issued_at: Date | null;
  expires_at: Date | null;
  refresh_expires_at: Date | null;
  expiry_assumed: Defaulted<boolean>;
  refresh_due_at: Date | null;
  refreshed_at: Date | null;
  attempt_id: string | null;
  attempt_owner: string | null;
  attempt_deadline: Date | null;
  outcome_unknown: Defaulted<boolean>;
  fail_count: Defaulted<number>;
  suspect_since: Date | null;
  last_error_code: string | null;
  last_error: string | null;
  last_error_at: Date | null;
  account_ref: Buffer | null;
  account_label: string | null;
  granted_scope: string | null;
  created_at: Defaulted<Date>;
  refresh_warn_at: Date | null;
  credential_facts: Defaulted<string>;
  grant_facts: GeneratedAlways<string>;
}

export interface OutsideFlowTable {
  tenant_id: string;
  id: string;
  unit_id: string;
  name: string;
  description: Defaulted<string>;
  kind: string;
  document_sealed: Buffer;
  document_no: Defaulted<number>;
  credential_ids: Defaulted<readonly string[]>;
  is_started: Defaulted<boolean>;
  started_at: Date | null;
  stopped_at: Date | null;
  startup_sealed: Buffer | null;
  created_by: string | null;
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
}

export interface PasswordResetLinkTable {
  id: string;
  person_id: string;
  hash: Buffer;
  expires_at: Date;
  used_at: Date | null;
  used_from: string | null;
  recorded_at: Date | null;
  created_at: Defaulted<Date>;
}

export interface PersonTable {
  id: string;
  email: string;
  name: string;
  auth_user_id: string | null;
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
}

export interface PrincipalTable {
  tenant_id: string;
  id: string;
  kind: 'person' | 'embedded' | 'service' | 'step' | 'operator';
  person_id: string | null;
  unit_id: string;
  sub: string | null;
  external_id: string | null;
  name: string;
  email: string | null;
  disabled_at: Date | null;
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
}

export interface ProcessTable {
  id: string;
  started_at: Defaulted<Date>;
  heartbeat_at: Defaulted<Date>;
  drained: Defaulted<boolean>;
  build: string;
  vouches_for: number | null;
}

export interface ProviderGaugeTable {
  provider_key: string;
  gauge: Json;
  state: GeneratedAlways<string>;
  incident_at: GeneratedAlways<string | null>;
  updated_at: Defaulted<Date>;
}

export interface RegistrationTable {
  tenant_id: string;
  id: string;
  context: string;
  client_id: string;
  authorize_url: string;
  token_url: string;
  refresh_url: string | null;
  revoke_url: string | null;
  client_auth: 'basic' | 'basic_raw' | 'post' | 'none';
  created_at: Defaulted<Date>;
}

export interface RevocationTable {
  tenant_id: string;
  id: string;
  credential_id: string;
  registration_id: string;
  auth_client_tenant_id: string | null;
  auth_client_id: string | null;
  reason: string;
  sealed: Buffer | null;
  client_secrets_sealed: Buffer | null;
  attempts: Defaulted<number>;
  result: string | null;
  done_at: Date | null;
  expires_at: Date;
  created_at: Defaulted<Date>;
  account_ref: Buffer | null;
}

export interface RoleTable {
  tenant_id: string;
  id: string;
  unit_kind: 'platform' | 'organization' | 'customer' | 'workspace';
  key: string;
  name: string;
  description: Defaulted<string>;
  builtin: boolean;
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
  names: DefaultedJson;
  spelled: Defaulted<readonly string[]>;
}

export interface RolePermissionTable {
  tenant_id: string;
  role_id: string;
  permission: string;
}

export interface SetupLinkTable {
  id: string;
  hash: Buffer;
  expires_at: Date;
  used_at: Date | null;
  created_at: Defaulted<Date>;
}

export interface SharedVariableTable {
  tenant_id: string;
  id: string;
  stable_key: string;
  description: Defaulted<string>;
  managed_by: 'organization' | 'customer';
  variable_scope: 'organization' | 'customer';
  connection_type_tenant_id: string;
  connection_type_id: string;
  template_id: string | null;
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
}

export interface SharedVariableFieldTable {
  tenant_id: string;
  shared_variable_id: string;
  field_key: string;
  level: 'global' | 'customer';
}

export interface SigningKeyTable {
  tenant_id: string;
  id: string;
  public_pem: string;
  tail8: string | null;
  imported: boolean;
  state: 'active' | 'inactive';
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
}

export interface StepResultTable {
  tenant_id: string;
  execution_id: string;
  position: number;
  step_name: string;
  status: 'running' | 'succeeded' | 'failed';
  result_sealed: Buffer | null;
  content_type: string | null;
  error: string | null;
  started_at: Date;
  ended_at: Date | null;
}

export interface StepTicketTable {
  tenant_id: string;
  id: string;
  hash: Buffer;
  execution_id: string;
  step_name: string;
  credential_ids: readonly string[];
  expires_at: Date;
  ended_at: Date | null;
}

export interface TemplateTable {
  tenant_id: string;
  id: string;
  unit_id: string;
  name: string;
  connection_type_tenant_id: string;
  connection_type_id: string;
  auth_client_tenant_id: string | null;
  auth_client_id: string | null;
  shared: Defaulted<boolean>;
  frozen_at: Date | null;
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
}

export interface TemplateValueTable {
  tenant_id: string;
  template_id: string;
  field_key: string;
  sealed: Buffer;
  value_no: number;
}

export interface TenantTable {
  id: string;
  kind: 'platform' | 'organization';
  shredded_at: Date | null;
  created_at: Defaulted<Date>;
}

export interface TenantKeyTable {
  tenant_id: string;
  purpose: 'sealing' | 'fingerprint';
  key_no: number;
  id: string;
  state: 'active' | 'decrypt_only' | 'destroyed';
  root_key_id: string;
  wrapped: Buffer | null;
  retired_at: Date | null;
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
}

export interface UnitTable {
  tenant_id: string;
  id: string;
  kind: 'platform' | 'organization' | 'customer' | 'workspace';
  parent_id: string | null;
  external_id: string | null;
  name: string;
  description: Defaulted<string>;
  labels: Defaulted<readonly string[]>;
  concurrent_execution_limit: number | null;
  redirect_origins: Defaulted<readonly string[]>;
  created_at: Defaulted<Date>;
  updated_at: Defaulted<Date>;
}

export interface AuthAccountTable {
  id: string;
  accountId: string;
  providerId: string;
  userId: string;
  accessToken: string | null;
  refreshToken: string | null;
  idToken: string | null;
  accessTokenExpiresAt: Date | null;
  refreshTokenExpiresAt: Date | null;
  scope: string | null;
  password: string | null;
  createdAt: Defaulted<Date>;
  updatedAt: Defaulted<Date>;
}

export interface AuthSessionTable {
  id: string;
  token: string;
  userId: string;
  expiresAt: Date;
  ipAddress: string | null;
  userAgent: string | null;
  tenantId: string | null;
  principalId: string | null;
  createdAt: Defaulted<Date>;
  updatedAt: Defaulted<Date>;
}

export interface AuthUserTable {
  id: string;
  name: string;
  email: string;
  emailVerified: Defaulted<boolean>;
  image: string | null;
  createdAt: Defaulted<Date>;
  updatedAt: Defaulted<Date>;
}

export interface AuthVerificationTable {
  id: string;
  identifier: string;
  value: string;
  expiresAt: Date;
  createdAt: Defaulted<Date>;
  updatedAt: Defaulted<Date>;
}

export interface Tables {
  api_token: ApiTokenTable;
  audit_checkpoint: AuditCheckpointTable;
  audit_event: AuditEventTable;
  audit_link: AuditLinkTable;
  audit_unchained: AuditUnchainedTable;
  auth_client: AuthClientTable;
  auth_client_component: AuthClientComponentTable;
  auth_client_secret: AuthClientSecretTable;
  authority: AuthorityTable;
  callback_context: CallbackContextTable;
  cluster: ClusterTable;
  component: ComponentTable;
  component_version: ComponentVersionTable;
  config_variable: ConfigVariableTable;
  config_variable_field: ConfigVariableFieldTable;
  connection: ConnectionTable;
  connection_log: ConnectionLogTable;
  connection_type: ConnectionTypeTable;
  connection_type_field: ConnectionTypeFieldTable;
  credential: CredentialTable;
  credential_use: CredentialUseTable;
  credential_value: CredentialValueTable;
  execution: ExecutionTable;
  execution_log: ExecutionLogTable;
  grant_day: GrantDayTable;
  grant_use: GrantUseTable;
  instance: InstanceTable;
  instance_flow: InstanceFlowTable;
  instance_variable: InstanceVariableTable;
  integration: IntegrationTable;
  integration_version: IntegrationVersionTable;
  invitation: InvitationTable;
  job_worker: JobWorkerTable;
  learned_lifetime: LearnedLifetimeTable;
  membership: MembershipTable;
  migration: MigrationTable;
  oauth_authorization: OauthAuthorizationTable;
  oauth_grant: OauthGrantTable;
  outside_flow: OutsideFlowTable;
  password_reset_link: PasswordResetLinkTable;
  person: PersonTable;
  principal: PrincipalTable;
  process: ProcessTable;
  provider_gauge: ProviderGaugeTable;
  registration: RegistrationTable;
  revocation: RevocationTable;
  role: RoleTable;
  role_permission: RolePermissionTable;
  setup_link: SetupLinkTable;
  shared_variable: SharedVariableTable;
  shared_variable_field: SharedVariableFieldTable;
  signing_key: SigningKeyTable;
  step_result: StepResultTable;
  step_ticket: StepTicketTable;
  template: TemplateTable;
  template_value: TemplateValueTable;
  tenant: TenantTable;
  tenant_key: TenantKeyTable;
  unit: UnitTable;
  'auth.account': AuthAccountTable;
  'auth.session': AuthSessionTable;
  'auth.user': AuthUserTable;
  'auth.verification': AuthVerificationTable;
}
