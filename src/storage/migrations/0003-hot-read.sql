-- Reading tokens is what this service does all day. What follows makes one read two short statements.

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
