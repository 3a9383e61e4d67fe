-- What a read is told of a grant, as one column instead of eight: each cost a read a twentieth of its look at the row. The
-- database keeps it in step with the row. Its order is known to `reading-store.ts`; times are milliseconds since 1970.

-- Of an interval, since what looks at a time alone depends on the session's time zone, and a generated column may not.
create function latchkey_epoch_ms(t timestamptz) returns text language sql immutable parallel safe as
$$ select coalesce(trunc(extract(epoch from t - timestamptz '1970-01-01 00:00:00+00') * 1000)::bigint::text, 'null') $$;

alter table oauth_grant add column grant_facts text not null generated always as (
  '["' || state || '",' || consent_no::text || ',' || token_no::text
  || ',' || latchkey_epoch_ms(issued_at) || ',' || latchkey_epoch_ms(expires_at)
  || ',' || (refresh_due_at is not null)::text
  -- Whether there is more to tell: an attempt under way, or something that went wrong.
  || ',' || (attempt_id is not null or fail_count <> 0 or coalesce(last_error_code, last_error) is not null)::text || ']'
) stored;
