export { commandOf, kitCommand } from "../../kit/src/results/command.ts";
