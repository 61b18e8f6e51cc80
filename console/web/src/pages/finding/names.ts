import type { Speech } from '../../i18n';
import { called, country, named, province, type Naming } from '../../names';
import tables from './names.json';

/** factName names a figure of a finding. */
export const factName = (s: Speech, code: string): string => called(s, 'figure', code);

/** testName names an innocent explanation; its result is told in words. */
export const testName = (s: Speech, code: string): string => called(s, 'benign', code);

// Figures whose values are codes that the console names anyway.
const namings: Record<string, Naming> = { use: 'use', service: 'service', services: 'service', required_services: 'service', missing_services: 'service', licensed_services: 'service', services_out_of_scope: 'service', services_outside_area: 'service', upstream_services: 'service', permit_needed: 'approval', counters: 'counters', counters_cause: 'countersCause' };
const values: Readonly<Record<string, Readonly<Record<string, readonly string[] | undefined>> | undefined>> = tables;

/** networkName tells of a network as the rules write it: its prefix, the end it is
 * seen at, and what it is, whose and where as far as that is known. */
function networkName(s: Speech, text: string): string {
  const [, prefix, side, kind, owner, place] = /^(\S+) (near|far)(?: (\w+) of (.*?)(?: in ([A-Z]{2}))?)?$/.exec(text.replace(/ in no ledger$/, '')) ?? [];
  if (!prefix || !side) return text;
  const what = [kind && called(s, 'network', kind), owner, place && country(s, place)].filter(Boolean).join(s.lang === 'zh' ? '，' : ', ');
  return `${prefix} ${called(s, 'side', side)}${what && (s.lang === 'zh' ? `（${what}）` : ` (${what})`)}`;
}

/** codeName names the value of a figure, where that is a code or holds codes. */
export function codeName(s: Speech, figure: string, value: string): string {
  const naming = namings[figure];
  if (naming) return called(s, naming, value);
  if (/_country$/.test(figure)) return value && country(s, value);
  if (/^(place|coverage)$/.test(figure)) return value === 'CN' ? s.t('country_all') : province(s, value);
  if (figure === 'places_without_evaluation') return value.replace(/^(\S+) (\d+)$/, (_, service: string, place: string) => `${called(s, 'service', service)}${s.lang === 'zh' ? '：' : ': '}${province(s, place)}`);
  if (figure === 'resources') return [called(s, 'service', value), called(s, 'use', value)].find((n) => n !== value) ?? value;
  if (figure === 'licences_of_holder') return value.replace(/ (\w+) (\S*)\.\.(\S*)$/, (_, status: string, from: string, to: string) => ` ${called(s, 'status', status)} ${from} – ${to || s.t('openEnded')}`);
  if (figure === 'third_party_networks') return networkName(s, value);
  return named(s, values[figure] ?? {}, value);
}
