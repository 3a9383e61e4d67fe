-- One-time links with which a person who forgot the password chooses another one. They belong to a person, not to a tenant.
-- A used one that is not recorded stands for audit events that are still to be written in the person's organizations.
create table password_reset_link (
  id uuid primary key,
  person_id uuid not null references person (id),
  hash bytea not null unique,
  expires_at timestamptz not null,
  used_at timestamptz,
  used_from text,
  recorded_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  check ((recorded_at is not null) <= (used_at is not null))
);
create index password_reset_link_of_person on password_reset_link (person_id) where used_at is null;
create index password_reset_link_unrecorded on password_reset_link (used_at) where used_at is not null and recorded_at is null;

alter table password_reset_link enable row level security;
alter table password_reset_link force row level security;
create policy every_reset_link on password_reset_link to latchkey_accounts using (true) with check (true);
grant select, insert, update on password_reset_link to latchkey_accounts;
