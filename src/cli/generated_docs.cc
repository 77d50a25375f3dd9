/// Marks and their contents.
#include "cli/generated_docs.h"

#include "cli/serve_options.h"

namespace weir::cli {
namespace {

constexpr std::string_view kBegin = "<!-- generated: ", kBeginEnd = " -->\n", kEnd = "<!-- end generated -->";
constexpr std::string_view kConnectorOptions = "connector-options ";

std::string error_rows() {
  std::string table = "| code | HTTP | meaning | what to do |\n|---|---|---|---|\n";
  for (const ErrorInfo& info : error_table()) {
    table += "| `" + std::string(info.name) + "` | " + std::to_string(info.http_status) + " | " +
             std::string(info.meaning) + " | " + std::string(info.action) + " |\n";
  }
  return table;
}

Result<std::string> part(std::string_view name, const connector::Registry& registry) {
  if (name == "errors") return error_rows();
  if (name == "serve-options") return options::markdown(serve_declaration());
  if (name.starts_with(kConnectorOptions)) {
    return options::markdown(WEIR_TRY(registry.find(name.substr(kConnectorOptions.size())))->declared());
  }
  return fail(ErrorCode::invalid_request, "nothing generates the part '" + std::string(name) + "' of a page",
              "Use errors, serve-options or 'connector-options TYPE'.");
}

}  // namespace

Result<std::string> regenerated(std::string_view page, const connector::Registry& registry) {
  std::string out;
  while (true) {
    const size_t mark = page.find(kBegin);
    if (mark == std::string_view::npos) return out.append(page);
    const size_t name_begin = mark + kBegin.size();
    const size_t name_end = page.find(kBeginEnd, name_begin);
    const size_t end = page.find(kEnd, name_begin);
    if (name_end == std::string_view::npos || end == std::string_view::npos || end < name_end) {
      return fail(ErrorCode::invalid_request, "a generated part has no end", "Put <!-- end generated --> behind it.");
    }
    out += page.substr(0, name_end + kBeginEnd.size());
    out += WEIR_TRY(part(page.substr(name_begin, name_end - name_begin), registry));
    page.remove_prefix(end);
  }
}

}  // namespace weir::cli
