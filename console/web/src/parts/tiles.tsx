import { Link } from 'react-router';
import { useSpeech } from '../i18n';
import { province } from '../names';

// Where each province stands, by column and row. It is a scheme and no map: it
// shows what lies beside what and no border.
const places: Record<string, readonly [number, number]> = {
  23: [8, 1], 22: [8, 2], 21: [8, 3], 15: [6, 2], 65: [1, 3], 62: [3, 3], 64: [4, 3], 11: [6, 3], 12: [7, 3], 54: [1, 4], 63: [2, 4], 61: [4, 4], 14: [5, 4], 13: [6, 4], 37: [7, 4],
  51: [3, 5], 50: [4, 5], 41: [5, 5], 34: [6, 5], 32: [7, 5], 53: [2, 6], 52: [3, 6], 42: [5, 6], 36: [6, 6], 33: [7, 6], 31: [8, 6], 45: [3, 7], 43: [4, 7], 44: [5, 7], 35: [6, 7], 71: [8, 7],
  46: [3, 8], 82: [5, 8], 81: [6, 8],
};

// What provinces are called where there is no room for an English name: the
// letters of ISO 3166-2:CN.
const letters: Record<string, string> = {
  11: 'BJ', 12: 'TJ', 13: 'HE', 14: 'SX', 15: 'NM', 21: 'LN', 22: 'JL', 23: 'HL', 31: 'SH', 32: 'JS', 33: 'ZJ', 34: 'AH', 35: 'FJ', 36: 'JX', 37: 'SD', 41: 'HA', 42: 'HB',
  43: 'HN', 44: 'GD', 45: 'GX', 46: 'HI', 50: 'CQ', 51: 'SC', 52: 'GZ', 53: 'YN', 54: 'XZ', 61: 'SN', 62: 'GS', 63: 'QH', 64: 'NX', 65: 'XJ', 71: 'TW', 81: 'HK', 82: 'MO',
};

/** Tiles shows a number of each province, the redder the greater. */
export function Tiles({ of }: { of: ReadonlyMap<string, number> }) {
  const s = useSpeech();
  const most = Math.max(...of.values(), 1);
  return (
    <div className="tiles">
      {Object.entries(places).map(([code, [column, row]]) => {
        const n = of.get(code) ?? 0;
        const tone = n === 0 ? '' : `t${Math.min(4, 1 + Math.floor((3.999 * n) / most))}`;
        const name = province(s, code);
        const at = { gridColumn: column, gridRow: row };
        const body = <>{s.lang === 'en' ? <abbr title={name}>{letters[code]}</abbr> : <span>{name}</span>}{n > 0 && <strong>{n}</strong>}</>;
        return n > 0 ? <Link key={code} to={`/findings?province=${code}&state=open,reviewing,confirmed,rectifying`} className={`tile ${tone}`} style={at}>{body}</Link> : <div key={code} className="tile" style={at}>{body}</div>;
      })}
    </div>
  );
}
