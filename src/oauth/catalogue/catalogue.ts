// The providers that we know, found by the host of the token endpoint that a person typed.
import { airtable } from './airtable.ts';
import { atlassian } from './atlassian.ts';
import { box } from './box.ts';
import { discord } from './discord.ts';
import { docusign } from './docusign.ts';
import { dropbox } from './dropbox.ts';
import { exactOnline } from './exact-online.ts';
import { github } from './github.ts';
import { google } from './google.ts';
import { hubspot } from './hubspot.ts';
import { instagram } from './instagram.ts';
import { microsoft } from './microsoft.ts';
import { notion } from './notion.ts';
import type { ProviderEntry } from './provider-entry.ts';
import { quickbooks } from './quickbooks.ts';
import { salesforce } from './salesforce.ts';
import { shopify } from './shopify.ts';
import { slack } from './slack.ts';
import { xero } from './xero.ts';
import { zendesk } from './zendesk.ts';
import { zoho } from './zoho.ts';
import { zoom } from './zoom.ts';

export const providerEntries: readonly ProviderEntry[] = [
  airtable,
  atlassian,
  box,
  discord,
  docusign,
  dropbox,
  exactOnline,
  github,
  google,
  hubspot,
  instagram,
  microsoft,
  notion,
  quickbooks,
  salesforce,
  shopify,
  slack,
  xero,
  zendesk,
  zoho,
  zoom,
];

/** The entry whose token host is the host of `tokenUrl` or a parent of it. */
export function findProviderEntry(tokenUrl: string): ProviderEntry | null {
  const host = /^https:\/\/([^/?#:@]+)(?::443)?(?:[/?]|$)/i.exec(tokenUrl)?.[1]?.toLowerCase();
  if (host === undefined) return null;
  return (
    providerEntries.find((entry) =>
      entry.tokenHosts.some((known) => host === known || host.endsWith(`.${known}`)),
    ) ?? null
  );
}
