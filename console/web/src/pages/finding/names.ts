import type { Speech } from '../../i18n';
import { called, named, province, type Naming } from '../../names';
import tables from './names.json';

/** factName names a figure of a finding. */
export const factName = (s: Speech, code: string): string => named(s, tables.figure, code);

/** testName names an innocent explanation; its result is told in words. */
export const testName = (s: Speech, code: string): string => named(s, tables.benign, code);

// Figures whose values are codes that the console names anyway.
const namings: Record<string, Naming> = { use: 'use', service: 'service', services: 'service', required_services: 'service', missing_services: 'service', licensed_services: 'service', services_out_of_scope: 'service', services_outside_area: 'service', upstream_services: 'service', permit_needed: 'approval' };

const values: Readonly<Record<string, Readonly<Record<string, readonly string[] | undefined>> | undefined>> = tables;

/** codeName names the value of a figure, where that is a code. */
export function codeName(s: Speech, figure: string, value: string): string {
  const naming = namings[figure];
  if (naming) return called(s, naming, value);
  if (/^(place|coverage|places_without_evaluation)$/.test(figure)) return value === 'CN' ? s.t('country_all') : province(s, value);
  return named(s, values[figure] ?? {}, value);
}
