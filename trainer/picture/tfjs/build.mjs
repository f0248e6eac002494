// Builds tfjs.min.js: see README.md.
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync } from "node:fs";
import { build } from "esbuild";

const LAYERS = `advanced_activations convolutional convolutional_depthwise core merge
  normalization padding pooling preprocessing/image_preprocessing`;
const KERNELS = `Add AvgPool Cast ClipByValue Concat Conv2D DepthwiseConv2dNative Elu Exp Fill
  FusedBatchNorm FusedConv2D Identity Max MaxPool Maximum Mean Multiply NotEqual PadV2 RealDiv
  Relu Relu6 Reshape Sigmoid Slice Softmax StridedSlice Sub Sum Tanh Transpose _FusedMatMul
  BatchMatMul`;
const SIMD = "tfjs-backend-wasm-simd.wasm";
const core = "@tensorflow/tfjs-core/dist";

function kernels(backend) {
  return KERNELS.split(/\s+/).map((kernel, n) => {
    const file = backend == "cpu" && kernel == "FusedBatchNorm" ? "BatchNorm" : kernel;
    const path = `@tensorflow/tfjs-backend-${backend}/dist/kernels/${file}`;
    const [, name] = /export const (\w+Config)/.exec(
      readFileSync(`node_modules/${path}.js`, "utf8"),
    );
    return `import { ${name} as ${backend}${n} } from "${path}";
      registerKernel(${backend}${n});`;
  });
}

const entry = [
  `import "${core}/base_side_effects";`,
  `import { registerKernel } from "${core}/base";`,
  `export { env, io, setBackend, tensor, tidy } from "${core}/base";`,
  `export { loadLayersModel, model } from "@tensorflow/tfjs-layers/dist/exports";`,
  `export { setWasmPaths } from "@tensorflow/tfjs-backend-wasm/dist/base";`,
  `import "@tensorflow/tfjs-backend-cpu/dist/base";`,
  ...LAYERS.split(/\s+/).map((name) => `import "@tensorflow/tfjs-layers/dist/layers/${name}";`),
  ...kernels("cpu"),
  ...kernels("wasm"),
].join("\n");

const without = {
  name: "without",
  setup({ onLoad, onResolve, resolve }) {
    // Gradients; Node.js; threads, which a page from a disk may not have.
    onResolve({ filter: /^@tensorflow\/tfjs-core$/ }, ({ resolveDir, kind }) =>
      resolve(`${core}/base`, { resolveDir, kind }),
    );
    onResolve({ filter: /platform_node$|wasm-threaded-simd/ }, ({ path }) => ({
      path,
      namespace: "without",
    }));
    onLoad({ filter: /./, namespace: "without" }, () => ({
      contents: 'export const wasmWorkerContents = ""; export default null;',
    }));
  },
};

await build({
  stdin: { contents: entry, resolveDir: "." },
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "tf",
  target: "es2020",
  legalComments: "none",
  plugins: [without],
  external: ["crypto", "fs", "path", "perf_hooks"],
  outfile: "tfjs.min.js",
});
copyFileSync(`node_modules/@tensorflow/tfjs-backend-wasm/dist/${SIMD}`, SIMD);
for (const name of ["tfjs.min.js", SIMD]) {
  const digest = createHash("sha256").update(readFileSync(name)).digest("hex");
  console.log(`${digest}  ${name}`);
}
