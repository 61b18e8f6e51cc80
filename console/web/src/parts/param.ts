import type { Speech } from '../i18n';
import { called } from '../names';

const scale = (unit: string): number => (unit.startsWith('share') ? 100 : 1);

/** paramShown is a parameter as people write it, where shares are percentages, and
 * paramStored as the daemon does. */
export const paramShown = (value: number, unit: string): number => Number((value * scale(unit)).toPrecision(12));
export const paramStored = (value: number, unit: string): number => Number((value / scale(unit)).toPrecision(12));

/** paramText writes a parameter of a rule with its unit. */
export function paramText(s: Speech, value: number, unit: string): string {
  if (unit === '0 or 1') return s.t(value ? 'yes' : 'no');
  const number = paramShown(value, unit).toLocaleString(s.locale, { maximumFractionDigits: 6 });
  return `${number} ${called(s, 'unit', unit)}`.trimEnd();
}
