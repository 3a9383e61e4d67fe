-- People's passwords and browser sessions. The tables have the shape and the column names that the sign-in library
-- wants; it never migrates by itself. They belong to no tenant, so they stand in a schema of their own that only the
-- accounts door can enter.
create schema auth;

create table auth."user" (
  id text primary key,
  name text not null,
  email text not null unique check (email = lower(email)),
  "emailVerified" boolean not null default false,
  image text,
  "createdAt" timestamptz not null default clock_timestamp(),
  "updatedAt" timestamptz not null default clock_timestamp()
);

-- "tenantId" and "principalId" are ours: as whom the person acts in this session.
create table auth.session (
  id text primary key,
  token text not null unique,
  "userId" text not null references auth."user" (id) on delete cascade,
  "expiresAt" timestamptz not null,
  "ipAddress" text,
  "userAgent" text,
  "tenantId" uuid,
  "principalId" uuid,
  "createdAt" timestamptz not null default clock_timestamp(),
  "updatedAt" timestamptz not null default clock_timestamp()
);
create index session_of_user on auth.session ("userId");
create index session_expiry on auth.session ("expiresAt");

create table auth.account (
  id text primary key,
  "accountId" text not null,
  "providerId" text not null,
  "userId" text not null references auth."user" (id) on delete cascade,
  "accessToken" text,
  "refreshToken" text,
  "idToken" text,
  "accessTokenExpiresAt" timestamptz,
  "refreshTokenExpiresAt" timestamptz,
  scope text,
  password text,
  "createdAt" timestamptz not null default clock_timestamp(),
  "updatedAt" timestamptz not null default clock_timestamp(),
  unique ("providerId", "accountId")
);
create index account_of_user on auth.account ("userId");

create table auth.verification (
  id text primary key,
  identifier text not null,
  value text not null,
  "expiresAt" timestamptz not null,
  "createdAt" timestamptz not null default clock_timestamp(),
  "updatedAt" timestamptz not null default clock_timestamp()
);
create index verification_identifier on auth.verification (identifier);

-- The oldest principal of a person is the one that a new session acts as.
grant select (created_at) on principal to latchkey_locator;

grant usage on schema auth to latchkey_accounts;
grant select, insert, update, delete on auth."user", auth.session, auth.account, auth.verification to latchkey_accounts;
