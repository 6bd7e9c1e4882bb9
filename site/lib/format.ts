/** Numbers and dates as the site writes them: as the kit does in its reports. */
export * from "../../kit/src/format.ts";
