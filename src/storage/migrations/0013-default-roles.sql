-- The built-in roles of customers and workspaces, for organizations that were made before there were these. A role of the
-- organization's own that has such a key stays as it is.
do $$
declare
  organizations uuid[];
  organization uuid;
begin
  -- The owner has no policy on these tables (FORCE): the tenants are found and their rows made as the doors' roles.
  set local role latchkey_locator;
  select coalesce(array_agg(id), '{}') into organizations from tenant where kind = 'organization';
  set local role latchkey_app;
  foreach organization in array organizations loop
    perform set_config('latchkey.tenant_id', organization::text, true);
    with wanted (unit_kind, key, name, description, permissions) as (
      values
        ('customer', 'owner', 'OAuth client owner', 'Manages the OAuth clients of the own customer, not its secrets.',
          '{unit.view,auth_client.view,auth_client.create,auth_client.edit,auth_client.delete}'::text[]),
        ('customer', 'admin', 'OAuth client admin', 'Manages the OAuth clients of the own customer, not its secrets.',
          '{unit.view,auth_client.view,auth_client.create,auth_client.edit,auth_client.delete}'),
        ('customer', 'member', 'Customer member', 'Sees that the customer is there; rights come from roles in its workspaces.',
          '{unit.view}'),
        ('workspace', 'owner', 'Workspace owner', 'Manages the OAuth clients and secrets of the workspace, and reads their values.',
          '{unit.view,auth_client.view,auth_client.create,auth_client.edit,auth_client.delete,credential.view,credential.create,credential.edit,credential.delete,credential.refresh,credential.reveal}'),
        ('workspace', 'admin', 'Workspace admin', 'Manages the OAuth clients and secrets of the workspace, and reads their values.',
          '{unit.view,auth_client.view,auth_client.create,auth_client.edit,auth_client.delete,credential.view,credential.create,credential.edit,credential.delete,credential.refresh,credential.reveal}'),
        ('workspace', 'integrator', 'Integrator', 'Manages the OAuth clients and secrets of the workspace, and reads their values.',
          '{unit.view,auth_client.view,auth_client.create,auth_client.edit,auth_client.delete,credential.view,credential.create,credential.edit,credential.delete,credential.refresh,credential.reveal}'),
        ('workspace', 'guest', 'Guest', 'Sees the OAuth clients and secrets of the workspace, never their values.',
          '{unit.view,auth_client.view,credential.view}')
    ), made as (
      insert into role (tenant_id, id, unit_kind, key, name, description, builtin)
      select organization, gen_random_uuid(), unit_kind, key, name, description, true from wanted
      on conflict do nothing
      returning id, unit_kind, key
    )
    insert into role_permission (tenant_id, role_id, permission)
    select organization, made.id, unnest(wanted.permissions) from made join wanted using (unit_kind, key);
  end loop;
  reset role;
end $$;
select set_config('latchkey.tenant_id', '', true);
