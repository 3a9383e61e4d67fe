-- Whose tokens wait to be revoked: before each sending it is looked again whether somebody lives on the same account.

-- Null where the provider does not name the account.
alter table revocation add column account_ref bytea;
