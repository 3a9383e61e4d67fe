-- The one statement of a token read: sets the tenant for itself alone and selects under row-level security. It takes no
-- lock and writes nothing. plpgsql, because it keeps its plan per connection.
create function latchkey_read_credential(p_tenant uuid, p_credential uuid)
returns table (
  unit_id uuid, label text, kind text, type_key text, oauth_kind text, auth_client_tenant_id uuid, auth_client_id uuid,
  client_type text, authorize_params jsonb, reported_error text, created_by uuid, created_at timestamptz, updated_at timestamptz,
  field_keys text[], value_nos bigint[], values_sealed bytea[],
  grant_state text, consent_no bigint, token_no bigint, ct bytea, issued_at timestamptz, expires_at timestamptz,
  refresh_due_at timestamptz, attempt_id uuid, outcome_unknown boolean, fail_count integer, last_error_code text,
  last_error text, account_label text, granted_scope text, age_ms double precision, retry_in_ms double precision)
language plpgsql volatile security invoker set search_path = public, pg_temp as $$
begin
  perform set_config('latchkey.tenant_id', p_tenant::text, true);
  return query
    select c.unit_id, c.label, c.kind, t.key, t.oauth_kind, c.auth_client_tenant_id, c.auth_client_id,
      (select a.type from auth_client a where a.tenant_id = c.auth_client_tenant_id and a.id = c.auth_client_id
        and a.owner_credential_id is null),
      c.authorize_params, c.reported_error, c.created_by, c.created_at, c.updated_at, v.field_keys, v.value_nos, v.values_sealed,
      g.state, g.consent_no, g.token_no, g.ct, g.issued_at, g.expires_at, g.refresh_due_at, g.attempt_id,
      g.outcome_unknown, g.fail_count, g.last_error_code, g.last_error, g.account_label, g.granted_scope,
      extract(epoch from clock_timestamp() - coalesce(g.refreshed_at, g.issued_at))::double precision * 1000,
      extract(epoch from g.refresh_due_at - clock_timestamp())::double precision * 1000
    from credential c
    join connection_type t on t.tenant_id = c.connection_type_tenant_id and t.id = c.connection_type_id
    left join oauth_grant g on g.tenant_id = c.tenant_id and g.credential_id = c.id
    left join lateral (
      select array_agg(x.field_key order by x.field_key) as field_keys, array_agg(x.value_no order by x.field_key) as value_nos,
        array_agg(x.sealed order by x.field_key) as values_sealed
      from credential_value x where x.tenant_id = c.tenant_id and x.credential_id = c.id) v on true
    where c.tenant_id = p_tenant and c.id = p_credential;
end $$;
revoke execute on function latchkey_read_credential(uuid, uuid) from public;
grant execute on function latchkey_read_credential(uuid, uuid) to latchkey_app;
