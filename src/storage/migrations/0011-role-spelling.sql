-- Roles of an organization's own are answered as they were written. Rights come from role_permission alone.

-- The role's name by language.
alter table role add column names jsonb not null default '{}';
-- The permissions as the dialect spells them in which the role was written; some mean nothing to this house.
alter table role add column spelled text[] not null default '{}';
