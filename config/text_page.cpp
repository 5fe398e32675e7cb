#include "config/text_page.h"

namespace pilotfish::config {

void TextPage::heading(std::string_view text) {
    if (!text_.empty()) blank();
    bold(text);
    text_.push_back('\n');
}

void TextPage::paragraph(std::string_view text) {
    if (!text_.empty()) blank();
    wrap(text, 0, 0);
}

void TextPage::entry(std::string_view name, std::string_view text, std::size_t name_columns) {
    const std::size_t indent = 2 + name_columns + 2;
    text_.append("  ");
    bold(name);
    if (text.empty()) {
        text_.push_back('\n');
        return;
    }
    if (name.size() > name_columns) {
        text_.push_back('\n');
        text_.append(indent, ' ');
    } else {
        text_.append(name_columns - name.size() + 2, ' ');
    }
    wrap(text, indent, indent);
}

void TextPage::verbatim(std::string_view line) { text_.append("  ").append(line).push_back('\n'); }

void TextPage::blank() { text_.push_back('\n'); }

void TextPage::bold(std::string_view text) {
    if (colour_) text_.append("\x1b[1m");
    text_.append(text);
    if (colour_) text_.append("\x1b[0m");
}

// Writes text from the given column on; further lines begin at indent.
void TextPage::wrap(std::string_view text, std::size_t indent, std::size_t column) {
    bool first = true;
    while (!text.empty()) {
        const std::size_t end = text.find(' ');
        const std::string_view word = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (!first && column + 1 + word.size() > kColumns) {
            text_.push_back('\n');
            text_.append(indent, ' ');
            column = indent;
        } else if (!first) {
            text_.push_back(' ');
            ++column;
        }
        text_.append(word);
        column += word.size();
        first = false;
    }
    text_.push_back('\n');
}

}  // namespace pilotfish::config
