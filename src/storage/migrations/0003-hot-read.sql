-- Reading tokens is what this service does all day. What follows makes one read one short statement.

-- Copies of what never changes about a credential's type and auth client, so that a read joins neither. The trigger keeps
-- them true whoever writes the row. `client_type` is null when the client is the credential's own, or there is none.
alter table credential
  add column type_key text not null,
  add column oauth_kind text,
  add column client_type text;

create function latchkey_copy_types() returns trigger
language plpgsql security invoker set search_path = public, pg_temp as $$
begin
  select t.key, t.oauth_kind into new.type_key, new.oauth_kind from connection_type t
  where t.tenant_id = new.connection_type_tenant_id and t.id = new.connection_type_id;
  new.client_type := (
    select a.type from auth_client a
    where a.tenant_id = new.auth_client_tenant_id and a.id = new.auth_client_id and a.owner_credential_id is null);
  return new;
end $$;
revoke execute on function latchkey_copy_types() from public;

create trigger copy_types before insert or update of connection_type_tenant_id, connection_type_id,
  auth_client_tenant_id, auth_client_id, type_key, oauth_kind, client_type on credential
  for each row execute function latchkey_copy_types();

-- The one statement of token reads: sets the tenant for itself alone and selects under row-level security, for one
-- credential or for several of a tenant at once. It takes no lock and writes nothing. First a row per credential, `field`
-- null and `sealed` its tokens; then a row per stored value. plpgsql, because it keeps its plans per connection, and
-- generic ones, because plans for the very ids would be made anew each time and cost more than the read. Few columns,
-- because each costs more to describe, to write and to read than to pack; `trouble` is null for a grant in good health.
create function latchkey_read_credentials(p_tenant uuid, p_credentials uuid[])
returns table (credential_id uuid, field text, facts json, sealed bytea)
language plpgsql volatile security invoker set search_path = public, pg_temp set plan_cache_mode = force_generic_plan as $$
begin
  perform set_config('latchkey.tenant_id', p_tenant::text, true);
  return query
    select c.id, null, json_build_array(
        c.unit_id, c.label, c.type_key, c.oauth_kind, c.auth_client_tenant_id, c.auth_client_id, c.client_type,
        nullif(c.authorize_params, '{}'), c.reported_error, c.created_by,
        g.state, g.consent_no, g.token_no, g.issued_at, g.expires_at, g.refresh_due_at is not null,
        case when coalesce(g.refreshed_at, g.issued_at) > clock_timestamp() - interval '1 minute'
          then extract(epoch from clock_timestamp() - coalesce(g.refreshed_at, g.issued_at)) * 1000 end,
        case when g.attempt_id is not null or g.fail_count > 0 or g.last_error_code is not null
          then json_build_array(g.attempt_id is not null, g.fail_count > 0, g.last_error_code, g.last_error,
            extract(epoch from g.refresh_due_at - clock_timestamp()) * 1000) end),
      g.ct
    from credential c
    left join oauth_grant g on g.tenant_id = c.tenant_id and g.credential_id = c.id
    where c.tenant_id = p_tenant and c.id = any (p_credentials);
  return query
    select v.credential_id, v.field_key, to_json(v.value_no), v.sealed from credential_value v
    where v.tenant_id = p_tenant and v.credential_id = any (p_credentials);
end $$;
revoke execute on function latchkey_read_credentials(uuid, uuid[]) from public;
grant execute on function latchkey_read_credentials(uuid, uuid[]) to latchkey_app;
