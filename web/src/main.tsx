// SPDX-License-Identifier: Apache-2.0
import { render } from "preact";
import { App } from "./app";
import "./style.css";

const where = document.getElementById("app");
if (where) render(<App />, where);
