// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from "vite";

// Relative paths: the console works wherever a reverse proxy puts it.
export default defineConfig({
  base: "./",
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: {
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the content security policy allows no data: URLs
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
