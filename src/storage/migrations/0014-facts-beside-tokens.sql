-- A read of a token looks at one row: a grant carries a copy of what its credential says of itself. The second table cost a
-- read as much as the first, and each column a twentieth of that.

-- What a reader of a credential is told beside its tokens and fields, as a list. Its order is known to `reading-store.ts`.
create function latchkey_credential_facts(c credential) returns text language sql stable parallel safe as
$$ select json_build_array(c.id, c.unit_id, c.label, c.type_key, c.oauth_kind, c.auth_client_tenant_id, c.auth_client_id,
  c.client_type, c.authorize_params, c.reported_error, c.created_by, c.last_value_no > 0)::text $$;

alter table oauth_grant add column credential_facts text not null default '';

-- The copy is made with the grant and follows the credential, whoever writes them. `for share`: a change of the credential
-- that is under way commits before the grant is there, or finds it.
create function latchkey_copy_facts() returns trigger
language plpgsql security invoker set search_path = public, pg_temp as $$
begin
  -- A grant of no credential is for its foreign key to refuse.
  new.credential_facts := coalesce((
    select latchkey_credential_facts(c) from credential c
    where c.tenant_id = new.tenant_id and c.id = new.credential_id for share), '');
  return new;
end $$;
revoke execute on function latchkey_copy_facts() from public;
create trigger copy_facts before insert on oauth_grant for each row execute function latchkey_copy_facts();

create function latchkey_pass_facts_on() returns trigger
language plpgsql security invoker set search_path = public, pg_temp as $$
begin
  update oauth_grant set credential_facts = latchkey_credential_facts(new)
  where tenant_id = new.tenant_id and credential_id = new.id;
  return null;
end $$;
revoke execute on function latchkey_pass_facts_on() from public;
create trigger pass_facts_on after update on credential for each row
  when (latchkey_credential_facts(new) is distinct from latchkey_credential_facts(old))
  execute function latchkey_pass_facts_on();

do $$
declare
  tenants uuid[];
  each_tenant uuid;
begin
  -- The owner has no policy on these tables (FORCE): the tenants are found and their rows changed as the doors' roles.
  set local role latchkey_locator;
  select coalesce(array_agg(id), '{}') into tenants from tenant;
  set local role latchkey_app;
  foreach each_tenant in array tenants loop
    perform set_config('latchkey.tenant_id', each_tenant::text, true);
    update oauth_grant g set credential_facts = latchkey_credential_facts(c)
    from credential c where c.tenant_id = g.tenant_id and c.id = g.credential_id and g.tenant_id = each_tenant;
  end loop;
  reset role;
end $$;
select set_config('latchkey.tenant_id', '', true);
