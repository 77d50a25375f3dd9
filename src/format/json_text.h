/// JSON strings and embedded JSON documents, appended to a string.
#pragma once

#include <string>
#include <string_view>

namespace weir::format {

/// `text` (UTF-8) with quotes around it and escapes inside.
void append_json_string(std::string_view text, std::string& out);
/// `document` as a JSON value, digits and key order as they are, white space between tokens left out so that it stays
/// on one line. A text that is no valid JSON is written as a string.
void append_json_document(std::string_view document, std::string& out);

}  // namespace weir::format
