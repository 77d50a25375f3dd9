/// URL and token.
#include "cli/server_access.h"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include <CLI/Option.hpp>

#include "cli/environment.h"

namespace weir::cli {

void ServerAccess::declare(CLI::App& command) {
  // Not by CLI11's envname: a variable would count as given and then exclude --data-dir.
  command.add_option("--url", url_, "The server's URL [http://127.0.0.1:8080, or the variable WEIR_URL]");
  command.add_option("--token-file", token_file_, "File that begins with the token; without it, WEIR_TOKEN is read");
}

Result<ServerAddress> ServerAccess::address() const {
  ServerAddress address;
  if (const std::string url = environment_variable("WEIR_URL"); !url.empty()) address.url = url;
  if (!url_.empty()) address.url = url_;
  if (!token_file_.empty()) {
    address.token = WEIR_TRY(read_token(token_file_));
  } else {
    address.token = environment_variable("WEIR_TOKEN");
  }
  if (address.token.find_first_of("\r\n") != std::string::npos) {
    return fail(ErrorCode::invalid_option, "the token holds a line end", "Give it as one word.");
  }
  return address;
}

Result<std::string> read_token(const std::string& file) {
  std::ifstream lines(file);
  if (!lines)
    return fail(ErrorCode::io_error,
                "cannot read the token file " + file + ": " + std::generic_category().message(errno));
  for (std::string line; std::getline(lines, line);) {
    std::string word;
    if (std::istringstream(line) >> word && !word.starts_with('#')) return word;
  }
  return fail(ErrorCode::invalid_option, "no token in the file " + file);
}

}  // namespace weir::cli
