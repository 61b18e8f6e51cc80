import react from '@vitejs/plugin-react';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

// The console is served under a policy that permits no inline style. The
// component library writes its styles into style elements; this plugin has it
// write them into constructed style sheets instead, which are scripts' own.
function constructedStyles(): Plugin {
  const own = fileURLToPath(new URL('./src/style/sheets.ts', import.meta.url));
  return {
    name: 'constructed-styles',
    enforce: 'pre',
    async resolveId(source, importer, options) {
      if (!source.includes('dynamicCSS')) return null;
      const found = await this.resolve(source, importer, { ...options, skipSelf: true });
      return found && /rc-util\/(es|lib)\/Dom\/dynamicCSS/.test(found.id) ? own : found;
    },
  };
}

// The folder of the bundle is emptied before it is written, but for the file that
// keeps it in the repository. What compresses well lies beside itself compressed,
// so that the daemon does not do it for each answer.
function kept(): Plugin {
  const name = 'placeholder.txt';
  let text = '';
  return {
    name: 'kept',
    apply: 'build',
    buildStart() {
      text = readFileSync(fileURLToPath(new URL(`./dist/${name}`, import.meta.url)), 'utf8');
    },
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: name, source: text });
    },
    writeBundle(options, bundle) {
      for (const file of Object.keys(bundle).filter((f) => /\.(js|css|html)$/.test(f))) {
        const path = join(options.dir ?? 'dist', file);
        const plain = readFileSync(path);
        writeFileSync(`${path}.gz`, gzipSync(plain, { level: 9 }));
        writeFileSync(`${path}.br`, brotliCompressSync(plain));
      }
    },
  };
}

const daemon = process.env.LINEWARDEN_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [constructedStyles(), react(), kept()],
  optimizeDeps: { noDiscovery: true, include: [] },
  build: {
    target: 'es2022',
    assetsDir: 'assets',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
    rollupOptions: {
      output: {
        manualChunks(id) {
          if (/node_modules\/(echarts|zrender)\//.test(id)) return 'charts';
          if (/node_modules\/(react|react-dom|react-router|scheduler)\//.test(id)) return 'react';
          return undefined;
        },
      },
    },
  },
  preview: { proxy: { '/api': daemon } },
  server: { proxy: { '/api': daemon } },
});
